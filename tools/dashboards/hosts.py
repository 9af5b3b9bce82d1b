"""*Hosts*: what each machine has left of processor, memory, disk and network."""

from __future__ import annotations

from dashboards.board import Board, Row, variable
from dashboards.panels import Column, Query, Says, graph, listing, timeline

_HOST = 'instance=~"$host"'
_NOTHING = "No figures of these hosts: is prometheus-node-exporter up there?"
_SHARED = "Of the machine: hosts that are containers of one machine show the same."
_NETWORK = f'device!="lo", {_HOST}'
# What volumes and arrays write, the disks that they are made of write too.
_DISKS = f'device!~"dm-.+|md.+", {_HOST}'
_CPU = f'1 - avg by (instance) (rate(node_cpu_seconds_total{{mode="idle", {_HOST}}}[$__rate_interval]))'
_MEMORY = f"1 - node_memory_MemAvailable_bytes{{{_HOST}}} / node_memory_MemTotal_bytes{{{_HOST}}}"
_DISK = f"min by (instance) (node_filesystem_avail_bytes{{{_HOST}}} / (node_filesystem_size_bytes{{{_HOST}}} > 0))"


def _rate(counter: str, selector: str = _HOST) -> str:
    return f"sum by (instance) (rate({counter}{{{selector}}}[$__rate_interval]))"


def _overview() -> Row:
    return Row(
        "Overview",
        [
            listing(
                Says("Hosts", f"The newest figures. {_SHARED}", _NOTHING),
                {"instance": "Host"},
                Column("CPU", "percentunit", _CPU),
                Column("Load", "short", f"max by (instance) (node_load1{{{_HOST}}})"),
                Column("Memory", "percentunit", f"max by (instance) ({_MEMORY})"),
                Column("Disk free", "percentunit", _DISK),
                Column(
                    "Up for",
                    "s",
                    f"max by (instance) (node_time_seconds{{{_HOST}}} - node_boot_time_seconds{{{_HOST}}})",
                ),
            ),
            timeline(
                Says("Targets", "Whether Prometheus gets an answer, by what it asks.", _NOTHING),
                Query(f"min by (instance, job) (up{{{_HOST}}})", "{{instance}} {{job}}"),
            ).height(14),
        ],
    )


def _resources() -> Row:
    return Row(
        "Resources",
        [
            graph(Says("CPU", f"Share in use. {_SHARED}", _NOTHING), "percentunit", Query(_CPU, "{{instance}}"))
            .min(0)
            .max(1),
            graph(Says("Memory", f"Share in use. {_SHARED}", _NOTHING), "percentunit", Query(_MEMORY, "{{instance}}"))
            .min(0)
            .max(1),
            graph(
                Says("Disk free", "Of the fullest filesystem.", _NOTHING), "percentunit", Query(_DISK, "{{instance}}")
            )
            .min(0)
            .max(1),
            graph(
                Says("Disk", f"Written up, read down. {_SHARED}", _NOTHING),
                "Bps",
                Query(_rate("node_disk_written_bytes_total", _DISKS), "{{instance}} written"),
                Query(f"-{_rate('node_disk_read_bytes_total', _DISKS)}", "{{instance}} read"),
            ),
            graph(
                Says("Network", "Received up, sent down.", _NOTHING),
                "Bps",
                Query(_rate("node_network_receive_bytes_total", _NETWORK), "{{instance}} received"),
                Query(f"-{_rate('node_network_transmit_bytes_total', _NETWORK)}", "{{instance}} sent"),
            ),
            graph(
                Says("TCP", "Segments sent again, a second; many mean a poor network.", _NOTHING),
                "cps",
                Query(_rate("node_netstat_Tcp_RetransSegs"), "{{instance}}"),
            ),
        ],
    )


def _services() -> Row:
    return Row(
        "Services",
        [
            graph(
                Says("Memory of the services", "Resident; those that tell it.", _NOTHING),
                "bytes",
                Query(f"sum by (instance, job) (process_resident_memory_bytes{{{_HOST}}})", "{{instance}} {{job}}"),
            ),
            graph(
                Says("CPU of the services", "Cores in use; those that tell it.", _NOTHING),
                "none",
                Query(
                    f"sum by (instance, job) (rate(process_cpu_seconds_total{{{_HOST}}}[$__rate_interval]))",
                    "{{instance}} {{job}}",
                ),
            ),
        ],
    )


def board() -> Board:
    """The dashboard."""
    return Board(
        name="hosts",
        title="Hosts",
        about="What each machine has left of processor, memory, disk and network.",
        refresh="30s",
        variables=[variable("host", "Host", "label_values(node_uname_info, instance)")],
        rows=[_overview(), _resources(), _services()],
    )
