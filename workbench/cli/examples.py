"""Examples that `workbench COMMAND --help` ends with."""

EXAMPLES = {
    "list": ("workbench list", "workbench list sam3-agent-tiny"),
    "compare": (
        "workbench compare --systems instructsam-tiny,sam3-agent-tiny --benchmark tabletop --limit 12",
        "workbench compare --systems a=instructsam-tiny,b=instructsam-tiny --set b.threshold=0.2 --benchmark tabletop",
        "workbench compare --systems instructsam --benchmark inst2seg --set inst2seg.annotations=FILE --out runs/2b",
        "workbench compare --systems instructsam-tiny --benchmark tabletop --mode throughput --workers 2",
    ),
    "watch": ("workbench watch runs/big", "workbench watch runs/big --once --json"),
    "merge": ("workbench merge runs/part-1 runs/part-2 runs/part-3 --out runs/whole",),
    "ask": (
        'workbench ask photo.jpg "the two mugs nearest the lamp" --open',
        'workbench ask *.jpg --ask "the mugs" --ask "the lamp" --systems instructsam-tiny',
    ),
    "demo": ("workbench demo --open", "workbench demo --systems instructsam-tiny,low=instructsam-tiny --out runs/own"),
    "check": (
        "workbench check folder --annotations own --images own",
        "workbench check inst2seg --annotations data/eval/inst2seg.json --images data",
    ),
    "samples": ("workbench samples folder --annotations own > samples.jsonl", "workbench samples tabletop --limit 5"),
    "score": (
        "workbench score --protocol inst2seg --annotations own --predictions answers.json",
        "workbench score --protocol coco/ap --annotations instances_val2017.json --predictions results.json --json",
    ),
    "generate": ("workbench generate tabletop --out data/mine --scenes 20 --seed 7",),
    "instructions": (
        "workbench instructions coco --set coco.annotations=instances.json --set coco.images=photos --out data/asked",
        "workbench instructions tabletop --out data/asked --per-picture 4 --copy",
    ),
    "train": (
        "workbench train sam3-tiny --out runs/mine --share 0.01",
        "workbench train my-recipe.yaml --set seed=1",
    ),
    "serve": ("workbench serve Qwen/Qwen3-VL-8B-Thinking --install",),
    "check-endpoint": ("workbench check-endpoint http://localhost:8001/v1 --at-once 32",),
    "make-checkpoint": (
        "workbench make-checkpoint middle runs/middle",
        "workbench make-checkpoint full runs/full --model sam3",
    ),
    "frontier": (
        "workbench frontier instructsam-tiny --variants variants.yaml --limit 240",
        "workbench frontier instructsam --variants variants.yaml --set instructsam.checkpoint=runs/middle --limit 4",
    ),
    "report": ("workbench report runs/first", "workbench report runs/first runs/second --out both.html"),
    "gate": ("workbench gate runs/first runs/second --rules rules.yaml",),
    "tune": ("workbench tune runs/val --at-least N_acc=0.85 --apply runs/test",),
    "suite": (
        "workbench suite agent-table --root data --systems instructsam,sam3-agent --limit 200 --sample random",
        "workbench suite mine.yaml --out runs/mine",
    ),
    "stress": (
        "workbench stress stress-quick --systems instructsam-tiny,sam3-agent-tiny",
        "workbench stress stress --axes targets,occlusion,blur --questions 40 --out runs/stress",
    ),
    "schedule": ("workbench schedule nightly.yaml", "workbench schedule nightly.yaml --once"),
    "notebooks": ("workbench notebooks my-notebooks",),
    "track": ("workbench track runs/first --tracking-uri http://localhost:5000",),
}
