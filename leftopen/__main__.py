"""`python -m leftopen` is the `leftopen` command."""

from leftopen.cli import main

if __name__ == "__main__":
    main(prog_name="leftopen")
