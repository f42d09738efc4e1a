"""The commands that use what was trained, and the agent: sample, serve, ask, tools.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from clikit.errors import Exit, UserError
from clikit.group import Choice

from projects import registry
from projects.runner import checkpoints, devices, own, records
from projects.runner.options import changes, settings_of
from projects.runner.settings import override
from projects.runner.task import Task


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@changes
@click.option("--device", default="auto", help="auto (default), cuda, mps or cpu.")
def sample(folder: Path, overrides: tuple[str, ...], device: str) -> None:
    """Sample from the best weights of the run in FOLDER; `describe` lists the options."""
    module, task, _ = trained(folder)
    if type(task).sample is Task.sample:
        raise UserError(
            f"the task {type(task).__name__} of {module.__name__!r} has no method sample",
            "give it one: def sample(self, model, options, device), which returns a text",
            Exit.USAGE,
        )
    options = override(own.options(module), overrides)
    config = devices.choose(device, "fp32")
    click.echo(task.sample(task.model.to(config.device).eval(), options, config.device))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; the default is not reached from other computers.",
)
@click.option("--port", default=8001, show_default=True, type=click.IntRange(1, 65535))
@click.option("--device", default="auto", help="auto (default), cuda, mps or cpu.")
def serve(folder: Path, host: str, port: int, device: str) -> None:
    """Answer requests for text with the best weights of the gpt run in FOLDER, over HTTP."""
    _, task, state = trained(folder)
    from projects import serving

    config = devices.choose(device, "fp32")
    app = serving.application(
        serving.text_task(folder, task),
        config.device,
        {"step": state["step"], "metrics": state["metrics"]},
    )
    click.echo(
        f"serving {folder} at http://{host}:{port}/generate ({config.name}); Ctrl-C ends", err=True
    )
    serving.serve(app, host, port)


@click.command()
@click.argument("question", required=False)
@click.option(
    "--provider",
    type=Choice(["rules", "run", "messages", "chat"]),
    default="rules",
    show_default=True,
    help="Deterministic rules, a run of the chat project, or a model behind an API.",
)
@click.option("--model", help="Name of the model; for run its folder.")
@click.option("--base-url", help="Address of the API, if not the vendor's.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder whose files may be read.",
)
@click.option(
    "--trace",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save what happened as JSON lines.",
)
@click.option(
    "--evaluate",
    "evaluated",
    is_flag=True,
    help="Answer the book's question set and report the fraction of correct answers.",
)
@click.option("--serve", "served", is_flag=True, help="Answer questions over HTTP.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8002, show_default=True, type=click.IntRange(1, 65535))
def ask(
    question: str | None,
    provider: str,
    model: str | None,
    base_url: str | None,
    folder: Path | None,
    trace: Path | None,
    evaluated: bool,
    served: bool,
    host: str,
    port: int,
) -> None:
    """Ask the agent a QUESTION: it calculates, converts units, and searches the book."""
    from projects import agent

    missing = "folder of a run" if provider == "run" else "name of a model"
    if provider != "rules" and not model:
        raise UserError(
            f"--provider {provider} needs the {missing}",
            f"add --model {missing.split()[0].upper()}",
            Exit.USAGE,
        )
    for option, given, providers in (
        ("--model", model, ("run", "messages", "chat")),
        ("--base-url", base_url, ("messages", "chat")),
    ):
        if given is not None and provider not in providers:
            raise UserError(
                f"{option} {given} has no meaning for --provider {provider}",
                f"leave it out, or add --provider {' or '.join(providers)}",
                Exit.USAGE,
            )
    client = _client(provider, str(model), base_url)
    tools = agent.registry(folder)
    if served:
        from projects import agent_serving, serving

        click.echo(f"serving the agent at http://{host}:{port}/ask; Ctrl-C ends", err=True)
        serving.serve(agent_serving.application(lambda: agent.Agent(client, tools)), host, port)
        return
    if evaluated:
        for name, value in agent.evaluate(client, tools).items():
            click.echo(f"{name:<8} {value:.2f}")
        return
    if not question or not question.strip():
        raise UserError(
            "there is no question",
            'for example: python -m projects ask "What is 23*19+7?"',
            Exit.USAGE,
        )
    result = agent.Agent(client, tools).run(question)
    click.echo(result.pretty())
    if trace:
        result.save(trace)
    if result.outcome != "answered":
        sys.exit(int(Exit.EXECUTION))


def _client(provider: str, model: str, base_url: str | None) -> Any:
    """The model that chooses the calls."""
    if provider == "rules":
        from projects import rules

        return rules.Rules()
    if provider == "run":
        return assistant(Path(model), "cpu")
    from projects import models

    return (models.Messages if provider == "messages" else models.Chat)(model, base_url)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--device", default="auto", help="auto (default), cuda, mps or cpu.")
def chat(folder: Path, device: str) -> None:
    """Talk to the assistant of the chat run in FOLDER, a line at a time; an empty line ends.

    Each line is a conversation of its own. Calls of tools and their results are shown. Questions
    that come from a file or a pipe are repeated before their answers.
    """
    from projects import agent, dialogues

    loop = agent.Agent(assistant(folder, device), dialogues.toolbox())
    typed = _typed()
    if typed:
        click.echo("Ask for a calculation or a conversion; an empty line ends.", err=True)
    for line in iter(lambda: _line(typed), ""):
        if not typed:
            click.echo(f"> {line}")
        click.echo(loop.run(line).pretty())


def _typed() -> bool:
    """Whether a person writes the questions."""
    return sys.stdin.isatty()


def _line(typed: bool) -> str:
    """A question from standard input, after a prompt if one types; nothing at its end."""
    if typed:
        click.echo("> ", nl=False, err=True)
    line = sys.stdin.readline()
    if typed and not line:
        click.echo(err=True)  # the end of the input leaves the prompt's line open
    return line.strip()


def assistant(folder: Path, device: str) -> Any:
    """The assistant of a run of the chat project.

    Raises
    ------
    UserError
        When the folder holds a run of another project.
    """
    project = records.read_run(folder)["project"]
    if project != "chat":
        raise UserError(
            f"{folder} is a run of {project!r}",
            "train an assistant first: python -m projects run chat",
            Exit.USAGE,
        )
    module, task, _ = trained(folder)
    task.model.to(devices.choose(device, "fp32").device)
    return module.Assistant(task.model, task.tokenizer)


@click.command()
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder whose files may be read.",
)
def tools(folder: Path | None) -> None:
    """Offer the agent's tools by the Model Context Protocol on standard input and output."""
    from projects import agent, mcp_tools

    mcp_tools.serve(agent.registry(folder))


def describe_agent() -> None:
    """Print what the agent does, where it stops, and the tools it may call."""
    from projects import agent

    click.echo((agent.__doc__ or "").strip() + "\n")
    click.echo(f"{'limit':<16}{'default':>12}")
    for field in fields(agent.Limits):
        click.echo(f"{field.name:<16}{getattr(agent.Limits(), field.name):>12g}")
    click.echo(f"\n{'tool':<16}{'effect':>12}{'seconds':>12}  what it does")
    for tool in agent.registry(Path()).tools.values():
        about = tool.description.splitlines()[0]
        click.echo(f"{tool.name:<16}{tool.effect:>12}{tool.timeout_s:>12g}  {about}")


def trained(folder: Path) -> tuple[ModuleType, Any, dict[str, Any]]:
    """The project of a run, its task with the best weights, and what was saved with them.

    Without readable best weights those of the newest checkpoint are taken, with a message.
    """
    run = records.read_run(folder)
    module = registry.load(run["project"])
    try:
        state = checkpoints.load(folder / "best.pt", run["project"])
        weights = state["model"]
    except UserError as error:
        if not checkpoints.list_newest_first(folder):
            raise
        state = checkpoints.load_newest(folder, run["project"], _log)
        weights = state["average"] or state["model"]
        _log(f"{error.what}; using the weights of step {state['step']}")
    task = own.task(module, settings_of(module, run, folder), state["task"])
    task.model.load_state_dict(weights)
    return module, task, state


def _log(text: str) -> None:
    click.echo(f"projects: {text}", err=True)
