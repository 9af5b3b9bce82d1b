#!/bin/sh
# Exits 1 where a secret is in the journal, in the configuration or on a command line.
! { journalctl --no-pager; cat /etc/prometheus/alertmanager.yml /etc/default/prometheus-alertmanager /proc/[0-9]*/cmdline 2>/dev/null; } |
  grep --text --fixed-strings --file=/etc/prometheus/alertmanager/email_0 --file=/etc/prometheus/alertmanager/slack_0 \
    --file=/etc/prometheus/alertmanager/webhook_0
