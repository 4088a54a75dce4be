"""What stands on every screen and on everything that leaves one."""

NOTICE = (
    "Research and teaching prototype. Not a medical device. Do not use for diagnosis, treatment or triage. "
    "Do not upload images or text that can identify a person."
)
