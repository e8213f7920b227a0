"""Agreement between annotators: copies of images for a second one, and their comparison."""

from __future__ import annotations

from fastapi import APIRouter

from anymask.app import schemas
from anymask.app.agreement_schemas import Agreement, Comparison, Copy, Score
from anymask.app.dependencies import CurrentServer, Reviewer
from anymask.app.routes.review import check_user
from anymask.data_engine.project import agreement

__all__ = ["router"]

router = APIRouter(tags=["review"])


@router.post("/images/{id}/copies", status_code=201)
def give_copy(server: CurrentServer, person: Reviewer, id: schemas.Id, body: Copy) -> schemas.Image:
    """Give an image to a second user: a copy without masks, which only they and reviewers see."""
    check_user(server, body.assignee)
    return schemas.Image.of(agreement.give(server.project.db, id, body.assignee))


@router.get("/agreement")
def get_agreement(server: CurrentServer, person: Reviewer) -> Agreement:
    """All copies compared with their images; copies of accepted images give the scores of users."""
    found = agreement.compare_all(server.project.db)
    return Agreement(
        comparisons=[Comparison.of(one) for one in found],
        scores=[Score(**vars(one)) for one in agreement.scores(found)],
    )
