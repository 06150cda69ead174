"""Large exchanges, read and mapped in parts by key range; one closing step does the rest with all of them.

``ranges`` cuts, ``slices`` keeps and brings tables between hosts, ``reading`` is one part, ``gather`` puts the parts
together, ``splitting`` says who may do what when.
"""
