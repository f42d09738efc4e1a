"""One thread a process: the suite runs two workers on two cores, and two pools of two threads would
wait for each other.
"""

import torch

torch.set_num_threads(1)
