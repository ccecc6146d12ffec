"""The command line ``xresample``: co-add files, plan, inspect, compile."""
