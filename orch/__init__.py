"""orch keeps far-away sites in the state that a small central team signed off.

This package holds no code of its own. Its four sub-packages are links to the folders of the same name at the top of
the repository, so that ``orch.master`` and its siblings import the same way from a checkout, a wheel and a Debian
package (``docs/decisions/0001-import-name.md`` has the reasons). Nobody imports ``common``, ``master``, ``minion`` or
``states`` by their bare names: the linter refuses it, because the same file would then be loaded twice.
"""

__version__ = "0.1.0.dev0"
