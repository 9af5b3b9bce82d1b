"""The lab: the pipeline's hosts as systemd containers on one machine, and everything one does with them."""
