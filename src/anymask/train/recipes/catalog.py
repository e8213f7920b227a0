"""The recipe catalogue: each recipe is a function that returns a `TrainConfig`.

The docstring of a recipe is a lab note: the command, the requirements and the expected result. `--set
key=value` changes any setting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from anymask.data.transforms.augment import Augment, plain
from anymask.data.transforms.canvas import CanvasConfig
from anymask.errors import unknown_name
from anymask.train.config import TrainConfig, change
from anymask.train.loop import Loop
from anymask.train.losses import LossWeights
from anymask.train.optim import Optim
from anymask.train.painter import PaintLoss
from anymask.train.recipes.shares import EVERYDAY, OBJECTS
from anymask.train.sam import Rounds


def paper_vit_h() -> TrainConfig:
    """SAM with ViT-H as published (SAM paper, appendix A): SA-1B, 90,000 steps of 256 images at 1024 px.

    torchrun --nproc-per-node 8 -m anymask train paper_vit_h --data SA-1B/ -o runs/vit_h

    Needs SA-1B (or a data set in its format) and GPUs with 80 GB; the paper used 256 of them. To start from
    an encoder of your own: --set init=PATH. Expected with SA-1B: the scores of the released weights.
    """
    return TrainConfig(
        model="sam_vit_h",
        drop_path=0.4,
        size=1024,
        rounds=Rounds(clicks=8, idle=2, box=0.5),
        loss=LossWeights(focal=20.0, dice=1.0, iou=1.0),
        augment=_paper_augment(),
        loop=Loop(steps=90_000, batch=256, micro=1, workers=8, every_save=1000, every_validation=5000),
        optim=Optim(lr=8e-4, weight_decay=0.1, layer_decay=0.8, warmup=250),
    )


def paper_vit_l() -> TrainConfig:
    """SAM with ViT-L by the same recipe as ViT-H (SAM paper, appendix A).

    torchrun --nproc-per-node 8 -m anymask train paper_vit_l --data SA-1B/ -o runs/vit_l
    """
    return replace(paper_vit_h(), model="sam_vit_l")


def paper_vit_b() -> TrainConfig:
    """SAM with ViT-B (SAM paper, appendix A): learning rate 4e-4, layer decay 0.6, else as ViT-H.

    torchrun --nproc-per-node 8 -m anymask train paper_vit_b --data SA-1B/ -o runs/vit_b

    For a data set unlike SA-1B add large-scale jitter, as the paper did in its data engine:
    --set augment.scale=[0.1,2.0] augment.flip=0.5
    """
    base = paper_vit_h()
    return replace(
        base,
        model="sam_vit_b",
        loop=replace(base.loop, micro=4),
        optim=replace(base.optim, lr=4e-4, layer_decay=0.6),
    )


def sam_text_vit_b() -> TrainConfig:
    """SAM with text prompts (SAM paper, appendix D.5): ViT-B from its released weights, and a frozen CLIP.

    torchrun --nproc-per-node 8 -m anymask train sam_text_vit_b --data SA-1B/ \\
      --set clip=ViT-L-14-336px.pt -o runs/sam_text

    The first prompt of an object is CLIP's embedding of a crop around it, then error clicks follow; no texts
    are needed. Masks under 100 x 100 pixels are left out. Not run by this project: it needs SA-1B and GPUs.
    The length of the run and the learning rate are our choice. Afterwards prompts may have a text, see
    docs/sam-text.md.
    """
    base = paper_vit_b()
    return replace(
        base,
        init="sam_vit_b",
        clip="ViT-L-14-336px.pt",
        drop_path=0.0,
        augment=replace(base.augment, min_area=10_000),
        loop=replace(base.loop, steps=30_000, micro=2),
        optim=replace(base.optim, lr=1e-4),
    )


def _paper_augment() -> Augment:
    """No augmentation, up to 64 masks, none that covers over 90 % of the image."""
    return plain(Augment(most=64, max_cover=0.9))


def compact_192() -> TrainConfig:
    """The compact model, phase 1: from ImageNet weights with a frozen backbone, crops of 192 px, one click.

    anymask train compact_192 --data SETS... --set cutouts=CUTOUTS -o runs/compact_192

    Differs from the paper's loss: 5 x BCE + 5 x dice instead of 20 x focal + dice, and the outputs that a
    prompt does not use are trained with half the weight; otherwise a random decoder starts slowly. Needs the
    extra `train`; 7 images per second on two cores. Expected at the end, on training crops: IoU 0.37 after
    one click, 0.64 from a box.
    """
    return TrainConfig(
        model="compact",
        init="imagenet",
        tune="head",
        size=192,
        weights=EVERYDAY,
        rounds=Rounds(clicks=1, idle=0, box=0.5),
        loss=LossWeights(focal=0.0, dice=5.0, bce=5.0, iou=1.0, other=0.5),
        augment=Augment(scale=(0.85, 2.2), most=6, focus=0.6, paste=0.25),
        loop=Loop(steps=600, batch=12, seed=1, average=0.998, every_save=100),
        optim=Optim(lr=1e-3, weight_decay=0.05, layer_decay=0.85, warmup=100, schedule="constant"),
    )


def compact_256() -> TrainConfig:
    """The compact model, phase 2: crops of 256 px, two prompts per object, more weight on the predicted IoU.

    anymask train compact_256 --data SETS... --set init=runs/compact_192 cutouts=CUTOUTS -o runs/compact_256

    After phase 1 the scores of the three masks of a click hardly tell which is best (correlation 0.1 within a
    click); five times the weight and 150 steps raise that to 0.5. 3.5 images per second.
    """
    base = compact_192()
    return replace(
        base,
        init="runs/compact_192",
        size=256,
        rounds=replace(base.rounds, repeat=2),
        loss=replace(base.loss, iou=5.0, other=0.3),
        loop=replace(base.loop, steps=150, seed=2, average=0.99, every_save=50),
        optim=replace(base.optim, lr=7e-4, warmup=20),
    )


def compact_all() -> TrainConfig:
    """The compact model, phase 3, the longest: all parameters, two error clicks, cosine decay to zero.

    anymask train compact_all --data SETS... --set init=runs/compact_256 cutouts=CUTOUTS -o runs/compact_all

    31,000 images: 7 per second on one core with bfloat16, 75 minutes.
    """
    base = compact_256()
    return replace(
        base,
        init="runs/compact_256",
        tune="all",
        rounds=Rounds(clicks=2, idle=0, box=0.5, repeat=2),
        loss=replace(base.loss, other=0.2),
        augment=replace(base.augment, scale=(0.9, 2.6)),
        loop=replace(base.loop, steps=2600, seed=101, average=0.998, every_save=50),
        optim=replace(base.optim, lr=6e-4, warmup=60, schedule="cosine"),
    )


def compact_384() -> TrainConfig:
    """The compact model, phase 4: the shipped size, whole images and close-up crops, three error clicks.

    anymask train compact_384 --data SETS... --set init=runs/compact_all cutouts=CUTOUTS -o runs/compact_384

    Two of five images are close-up crops as in crop refinement (`promptable.crops`), one round of five
    refines the last mask without a new click, and half of the first clicks are in the middle of the object.
    2.5 images per second on one core with bfloat16: 100 minutes.
    """
    base = compact_all()
    return replace(
        base,
        init="runs/compact_all",
        size=384,
        rounds=Rounds(clicks=3, idle=1, box=0.5, middle=0.5),
        augment=replace(base.augment, scale=(0.8, 1.7), focus=0.5, close=0.4, paste=0.25),
        loop=replace(base.loop, steps=1750, batch=8, seed=223, average=0.995, every_save=50),
        optim=replace(base.optim, lr=3e-4, warmup=20),
    )


def compact_scores() -> TrainConfig:
    """The compact model, phase 5: only the head that predicts the IoU, on images at the shipped size.

    anymask train compact_scores --data SETS... --set init=runs/compact_384 cutouts=CUTOUTS -o runs/compact

    The earlier phases change the features that the head reads, and their crops show objects larger than whole
    images do. This improves the choice among the three masks of a click: see docs/log.md. 12 images per
    second: 6 minutes.
    """
    base = compact_384()
    return replace(
        base,
        init="runs/compact_384",
        tune="scores",
        rounds=Rounds(clicks=0, idle=1, box=0.25, middle=0.1),
        loss=LossWeights(focal=0.0, dice=1.0, bce=0.0, iou=5.0, other=0.3),
        augment=Augment(scale=(0.9, 1.3), most=6, focus=0.3, close=0.4, paste=0.1),
        loop=replace(base.loop, steps=500, seed=107, average=0.97, every_save=100),
        optim=replace(base.optim, lr=1e-3),
    )


def detector() -> TrainConfig:
    """The object detector on the features of compact, for automatic masks (SAM, section 4: "object").

    anymask train detector --data SETS... --set cutouts=CUTOUTS -o runs/detector

    The encoder is frozen. 16,000 windows, from whole images to close-ups at 1.9 times their size; 16 per
    second on one core with bfloat16: 17 minutes, half of them for the encoder.
    """
    return TrainConfig(
        model="detector",
        size=320,
        weights=OBJECTS,
        augment=Augment(scale=(1.0, 1.9), most=150, min_area=60, max_cover=1.0, focus=0.4, paste=0.15),
        loop=Loop(steps=1000, batch=16, seed=5, average=0.995, every_save=25),
        optim=Optim(lr=1e-3, weight_decay=0.05, layer_decay=1.0, warmup=100, schedule="cosine"),
    )


def finetune_detector() -> TrainConfig:
    """Fine-tune the object detector on a folder, from about ten images on: minutes on two cores.

    anymask train finetune_detector --data my-photos/ -o runs/objects

    To use it: anymask auto IMAGE --detector runs/objects
    """
    base = detector()
    return replace(
        base,
        init="object",
        weights={},
        augment=replace(base.augment, paste=0.0),
        loop=replace(base.loop, steps=200, batch=4, average=0.98, every_log=10),
        optim=replace(base.optim, lr=2e-4, warmup=20),
    )


def context_192() -> TrainConfig:
    """The compact in-context model, phase 1: images of 192 px, backbone frozen at its ImageNet weights.

    anymask train context_192 --data SETS... --set cutouts=CUTOUTS -o runs/context_192

    SegGPT hides blocks of patches in half of its canvases. Here nine of ten canvases hide the whole query, as
    in inference. Pixels of objects count 2.5 times, so that small objects are not ignored. 8 to 20 pairs per
    second on one core with bfloat16.
    """
    return TrainConfig(
        model="context",
        init="imagenet",
        size=192,
        canvas=CanvasConfig(scale=(0.4, 1.0), whole=0.9, mix=0.05, most=4, paste=0.15),
        paint=PaintLoss(beta=0.05, painted=2.5),
        loop=Loop(steps=2500, batch=16, seed=1, average=0.995, every_save=100),
        optim=Optim(lr=6e-4, weight_decay=0.05, layer_decay=1.0, warmup=100, schedule="cosine"),
    )


def context() -> TrainConfig:
    """The compact in-context model, phase 2: the shipped size of 256 px, learning rate decaying to zero.

    anymask train context --data SETS... --set init=runs/context_192 cutouts=CUTOUTS -o runs/context
    """
    base = context_192()
    return replace(
        base,
        init="runs/context_192",
        size=256,
        loop=replace(base.loop, steps=240, batch=12, seed=2, every_save=50),
        optim=replace(base.optim, lr=1.5e-4, warmup=20),
    )


def painter_vit_l() -> TrainConfig:
    """Painter with ViT-L (CVPR 2023, section 3): 54,000 steps of 2,048 canvases at 448 px.

    torchrun --nproc-per-node 8 -m anymask train painter_vit_l --data SETS... -o runs/painter

    Needs GPUs. The paper starts from MAE's ViT-L: --set init=PATH of such weights in anymask's layout.
    """
    return TrainConfig(
        model="painter_vit_l",
        drop_path=0.1,
        size=448,
        canvas=CanvasConfig(scale=(0.3, 1.0), mix=0.0),
        loop=Loop(steps=54_000, batch=2048, micro=4, workers=8, every_save=500),
        optim=Optim(lr=1e-3, weight_decay=0.05, layer_decay=0.8, warmup=2700, schedule="cosine"),
    )


def seggpt_vit_l() -> TrainConfig:
    """SegGPT with ViT-L (ICCV 2023, section 3): from Painter's weights, 9,000 steps of 2,048 canvases.

    torchrun --nproc-per-node 8 -m anymask train seggpt_vit_l --data SETS... --set init=PAINTER -o runs/seggpt

    Needs GPUs and the data of the paper (ADE20K, COCO, VOC, Cityscapes, LIP, PACO, retinal vessels, iSAID,
    LoveDA).
    """
    base = painter_vit_l()
    return replace(
        base,
        model="seggpt_vit_l",
        canvas=CanvasConfig(scale=(0.3, 1.0), mix=0.2),
        loop=replace(base.loop, steps=9000),
        optim=replace(base.optim, lr=1e-4, layer_decay=1.0, warmup=1800),
    )


def finetune_all() -> TrainConfig:
    """Fine-tune all parameters on a folder: the largest change, for a hundred images or more.

    anymask train finetune_all --data my-photos/ -o runs/mine

    For a released SAM: --set init=sam_vit_b size=1024, on a GPU.
    """
    return TrainConfig(
        init="compact",
        size=384,
        rounds=Rounds(clicks=1, idle=0, box=0.5),
        loss=LossWeights(focal=0.0, dice=5.0, bce=5.0, iou=1.0, other=0.5),
        augment=Augment(scale=(0.7, 1.5), most=6, paste=0.0),
        loop=Loop(steps=300, batch=2, average=0.98, every_log=10, every_save=50),
        optim=Optim(lr=1e-4, weight_decay=0.05, layer_decay=0.8, warmup=20, schedule="cosine"),
    )


def finetune_decoder() -> TrainConfig:
    """Fine-tune only the decoder on about ten images: minutes on two cores, see docs/fine-tuning.md.

    anymask train finetune_decoder --data my-photos/ -o runs/mine

    The encoder is frozen and runs twice per image, as it is and mirrored; the embeddings are cached.
    """
    base = finetune_all()
    return replace(
        base,
        tune="decoder",
        loop=replace(base.loop, steps=150),
        optim=replace(base.optim, lr=2e-4),
    )


def finetune_lora() -> TrainConfig:
    """Fine-tune the decoder and rank-4 updates of the encoder, for images that look unlike photos.

    anymask train finetune_lora --data my-photos/ -o runs/mine

    The updates are merged when the model is saved, so the result is an ordinary model.
    """
    base = finetune_all()
    return replace(base, tune="lora", lora_rank=4, optim=replace(base.optim, lr=2e-4))


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    function.__name__: function
    for function in (
        compact_192,
        compact_256,
        compact_384,
        compact_all,
        compact_scores,
        context,
        context_192,
        detector,
        finetune_all,
        finetune_decoder,
        finetune_detector,
        finetune_lora,
        paper_vit_b,
        paper_vit_h,
        paper_vit_l,
        painter_vit_l,
        sam_text_vit_b,
        seggpt_vit_l,
    )
}
"""The recipes by name; the first line of a docstring describes the recipe."""


def recipe(name: str, settings: Sequence[str] = ()) -> TrainConfig:
    """The configuration of a recipe, with settings such as "loop.steps=100" changed.

    Raises `UnknownNameError` for an unknown recipe or setting, `InputError` for a value of another type.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return change(RECIPES[name](), settings)
