#!/bin/sh
# build.sh NAME VERSION OUTPUT: makes the stand-in's package.
set -eu
here=$(dirname "$(readlink -f "$0")")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
install -d -m 0755 "$root/DEBIAN" "$root/etc/grafana" "$root/usr/share/grafana" "$root/lib/systemd/system"
install -m 0644 "$here/grafana_standin.py" "$root/usr/share/grafana/"
install -m 0644 "$here/grafana-server.service" "$root/lib/systemd/system/"
cat >"$root/DEBIAN/control" <<END
Package: $1
Version: $2
Architecture: all
Depends: python3
Conflicts: grafana-standin
Replaces: grafana-standin
Maintainer: tradestream
Description: stand-in for Grafana, which it is not
 Serves Grafana's health address in tests where Grafana cannot be had.
END
cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
getent passwd grafana >/dev/null || useradd --system --home-dir /usr/share/grafana --shell /usr/sbin/nologin grafana
systemctl daemon-reload
END
chmod 0755 "$root/DEBIAN/postinst" "$root"
dpkg-deb --root-owner-group --build "$root" "$3"
