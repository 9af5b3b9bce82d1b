#!/bin/sh
# Lists what a role could change on a host: files (not what systemd, sshd and Ansible themselves write), packages, users, units.
set -eu
{
  find / -xdev \( -path /proc -o -path /sys -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /root/.ansible -o -path '/home/*/.ansible' \
    -o -path /var/lib/systemd \) -prune -o -type d -printf '%p %u %g %m\n' -o -printf '%p %u %g %m %s %T@ %l\n' | sort
  dpkg-query --show
  getent passwd
  getent group
  systemctl list-unit-files --no-legend --state=enabled
} > "$1"
