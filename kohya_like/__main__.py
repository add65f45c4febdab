"""python -m kohya_like VERB ..."""

from kohya_like.cli import main

raise SystemExit(main())
