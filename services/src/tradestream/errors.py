"""Everything that this distribution raises on purpose.

TradestreamError
├── TransientError          worth another try
│   ├── KafkaUnavailableError
│   └── BusyError
├── FatalError              trying again changes nothing
│   ├── ConfigError
│   │   ├── DumpError
│   │   └── QueryError
│   ├── StoredDataError
│   ├── RepairNeededError
│   ├── ExchangeRefusedError
│   └── DeliveryError
├── NothingFoundError       there is none of what was asked for
├── RejectedError           one message cannot be read; the next may be fine
└── ServerShutdownError     the exchange announced the end of this connection
"""

from __future__ import annotations


class TradestreamError(Exception):
    """Base of all errors of this distribution."""


class TransientError(TradestreamError):
    """Something that may work when it is tried again."""


class KafkaUnavailableError(TransientError):
    """No broker answered."""


class BusyError(TransientError):
    """Another process does what may be done by one at a time."""


class FatalError(TradestreamError):
    """Something that a second try does not mend."""


class ConfigError(FatalError):
    """Configuration that cannot be used: says the file, the key and what is allowed."""


class DumpError(ConfigError):
    """A dump of trades that cannot be replayed: says the file, the line and the reason."""


class QueryError(ConfigError):
    """A question in SQL that cannot be answered: says what is wrong with it, or what is not allowed."""


class StoredDataError(FatalError):
    """Stored data that cannot be read: says which file and what to do."""


class RepairNeededError(FatalError):
    """The Spark job cannot go on from where it stood before a person has decided: says why, and which command helps."""


class ExchangeRefusedError(FatalError):
    """The exchange answered that it will not serve this request."""


class DeliveryError(FatalError):
    """Kafka's client can deliver nothing more."""


class NothingFoundError(TradestreamError):
    """Nothing that is stored answers the question; the question itself was good."""


class RejectedError(TradestreamError):
    """A message that cannot be read as what it should be.

    Attributes:
        reason: a short fixed word, fit for a metric's label.
        detail: what exactly was wrong, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class ServerShutdownError(TradestreamError):
    """The exchange will close this connection soon; trades go on until it does."""


def cause(error: Exception | None) -> str:
    """The innermost cause on one line, of a stack of Java's too."""
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    causes = [text for text in lines if text.startswith("Caused by:")]
    return (causes or lines or ["no reason given"])[-1 if causes else 0]
