"""Errors that stop a command. A site that fails is no error but an `Outcome`.

TaxocrawlError
├── SettingsError      a setting has a bad name or value
├── InputError         a list, file or folder of input cannot be read (usage: exit code 2)
├── TaxonomyError      a taxonomy is unknown or its file is wrong
├── ModelError         a model folder is missing, damaged or does not fit the running code
├── PluginError        two plugins claim one name; with --strict-plugins any that fails
│   └── ResultError    a plugin's answer breaks its protocol
├── WorkersError       no worker process can be started
└── StoreError         a store cannot be opened, read or written
    ├── StoreLocked    another process holds it
    ├── StoreVersion   its schema is another one than this program's
    └── QueryError     a user's SQL is refused or fails
"""


class TaxocrawlError(Exception):
    """Root of all errors that taxocrawl raises on purpose; its text is fit for the user."""


class SettingsError(TaxocrawlError):
    """A setting has an unknown name or a value outside its range."""


class InputError(TaxocrawlError):
    """What the user named as input cannot be read."""


class TaxonomyError(TaxocrawlError):
    """A taxonomy is unknown, or its file breaks the rules; names the line."""


class ModelError(TaxocrawlError):
    """A model folder is missing, damaged, or made for other code or another taxonomy."""


class PluginError(TaxocrawlError):
    """A plugin cannot be used; names the plugin."""

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(f"plugin {plugin}: {message}")
        self.plugin = plugin


class ResultError(PluginError):
    """A plugin's answer breaks its protocol; names plugin, field and value."""


class WorkersError(TaxocrawlError):
    """No worker process can be started: every site would fail for no fault of its own."""


class StoreError(TaxocrawlError):
    """A store cannot be opened, read or written."""


class StoreLocked(StoreError):
    """Another process writes to the store; names it."""


class StoreVersion(StoreError):
    """The store was made by a newer version, or by an older one and lacks what is asked of it;
    names both.
    """


class QueryError(StoreError):
    """A user's SQL is refused or fails; names the reason."""
