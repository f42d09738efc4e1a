"""Five projects that train and use the modern stack, and the runner that trains them."""
