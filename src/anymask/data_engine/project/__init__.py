"""A project on disk: a folder of pictures, and a database of their masks with every revision.

```python
from anymask.data_engine.project import Draft, masks, open_project, pictures

project = open_project("photos/")
picture = pictures.listed(project.db)[0]
masks.save(project.db, picture.id, Draft(...), seen=0, author="me")
```

Functions take the project or its database; values are frozen. Needs the extra `app`.
"""

from __future__ import annotations

from anymask.data_engine.project.database import Database, open_database
from anymask.data_engine.project.project import Project, open_project
from anymask.data_engine.project.values import Draft, Label, Mask, Person, Picture

__all__ = [
    "Database",
    "Draft",
    "Label",
    "Mask",
    "Person",
    "Picture",
    "Project",
    "open_database",
    "open_project",
]
