"""The commands of `orch-minion`: daemons for a service manager, enrolment, and what a person on site may ask."""
