"""The language model's part of the concierge: what it is told, what it may call, what it may cost, what it may say.

`turn` is the loop of one answer. `toolbox` and the modules of tools are what the model can do. `checking` reads every
word before the visitor does. `budgets` and `gateway` decide whether the model is asked at all. `process` asks it
through a process of its own, whose program is `asking`.
"""
