#!/bin/sh
# Makes /srv/repository: a signed apt repository with the stand-in as `grafana` 1.1 and 1.2, and a package that nobody asked for.
set -eu
apt-get install -y -qq --no-install-recommends apt-utils gpg gpg-agent >/dev/null
packages=/srv/repository/dists/stable/main
mkdir -p "$packages/binary-amd64" "$packages/binary-arm64" /srv/repository/pool
for version in 1.1 1.2; do
  sh /tmp/standin/build.sh grafana "$version" "/srv/repository/pool/grafana_$version.deb"
done
sh /tmp/standin/build.sh something-else 1 /srv/repository/pool/something-else.deb
cd /srv/repository
for architecture in amd64 arm64; do
  apt-ftparchive packages pool >"dists/stable/main/binary-$architecture/Packages"
done
apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Components=main \
  -o "APT::FTPArchive::Release::Architectures=amd64 arm64" release dists/stable >/tmp/Release
mv /tmp/Release dists/stable/Release
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
gpg --batch --quiet --passphrase '' --quick-generate-key 'a repository of a test' rsa2048 sign 1d
gpg --batch --armor --export >gpg.key
gpg --batch --clearsign --output dists/stable/InRelease dists/stable/Release
gpg --with-colons --list-keys | sed -n '/^pub:/,/^fpr:/s/^fpr:*\([0-9A-F]*\):$/\1/p' >fingerprint
gpgconf --kill gpg-agent
