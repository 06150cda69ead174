"""A run in parts: ``reading`` is one part, ``course`` says who may do what when. What lies below is in ``parts``."""
