"""How work runs: process slots, thread hosts, the keeper's client; later clusters. One executor, one file, one contract (`base`).

Not allowed here: the engine, the store. `multiprocessing` lives only in this room.
"""
