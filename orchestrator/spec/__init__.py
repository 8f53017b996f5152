"""The experiment file: its models, its space, how it is read, checked, planned and described to editors.

`reading.read_experiment` turns text into an `experiment.ExperimentSpec` or says everything that is wrong with it at once.

Not allowed here: I/O beyond looking for the files a spec names, importing or running the code it names, knowing how a
variant is chosen (search) or run (executors). pydantic is imported in this room, not below it.
"""
