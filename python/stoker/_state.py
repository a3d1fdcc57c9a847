"""What the process is doing, for the parts that must behave differently then."""

# True while the program imports a user's file to compile or run it: `.run()` at module level would start the program again.
importing_for_program = False
