"""``cophub demo``: the sample landscape on simulators, from first load to one change that travels."""
