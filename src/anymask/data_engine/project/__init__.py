"""A project on disk: a folder of images, and a database of their masks with every revision.

```python
from anymask.data_engine.project import Draft, images, masks, open_project

project = open_project("photos/")
image = images.listed(project.db)[0]
masks.save(project.db, image.id, Draft(...), seen=0, author="me")
```

Functions take the project or its database; values are frozen dataclasses. Needs the extra `app`.
"""

from __future__ import annotations

from anymask.data_engine.project.database import Database, open_database
from anymask.data_engine.project.project import Project, open_project
from anymask.data_engine.project.values import Attribute, Comment, Draft, Image, Label, Mask, Person

__all__ = [
    "Attribute",
    "Comment",
    "Database",
    "Draft",
    "Image",
    "Label",
    "Mask",
    "Person",
    "Project",
    "open_database",
    "open_project",
]
