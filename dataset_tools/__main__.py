"""python -m dataset_tools VERB FOLDER ..."""

from dataset_tools.cli import main

raise SystemExit(main())
