"""From one unit to the transformer: layers with hand-written ways back, each checked against
torch.
"""
