"""What large exchanges, read and mapped in parts by key range, are put together of (see ``splitting``).

``ranges`` cuts, ``slices`` keeps and brings tables between hosts, ``gather`` makes one extract of all parts.
"""
