"""The tables and figures of the papers: each a protocol, its data sets, and the published rows.

`catalog` lists them, `running` measures one, `report` prints and writes it, `self_tests` proves each on a
tiny copy of its data sets.
"""
