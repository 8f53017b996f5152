#!/bin/sh
# install-system.sh BIN: put the programs in BIN on everybody's path and enable the machine's service. Run as root by
# `make install-system`. With DESTDIR set the files are only laid out below it.
set -eu
bin=$1
here=$(dirname "$0")
root=${DESTDIR:-}

install -D -m 644 -t "$root/etc/systemd/system" "$here"/system/*.service "$here"/system/*.socket "$here"/system/*.target
install -D -m 644 "$here/system/orchestrator.sysusers.conf" "$root/usr/lib/sysusers.d/orchestrator.conf"
install -D -m 644 "$here/system/orchestrator.tmpfiles.conf" "$root/usr/lib/tmpfiles.d/orchestrator.conf"
install -D -m 644 "$here/../config/orchestrator.toml" "$root/usr/share/orchestrator/orchestrator.toml"
mkdir -p "$root/usr/local/bin"
ln -sf "${bin#"$root"}/orc" "$root/usr/local/bin/orc"
[ -z "$root" ] || exit 0

systemd-sysusers orchestrator.conf
systemd-tmpfiles --create orchestrator.conf
systemctl daemon-reload
systemctl enable orchestrator.service orchestrator.socket orchestrator-keeper.socket
systemctl start orchestrator.socket orchestrator-keeper.socket

echo "Installed: /usr/local/bin/orc. Whoever shall use it joins the group: usermod --append --groups orchestrator NAME"
echo "Settings: copy /usr/share/orchestrator/orchestrator.toml to /etc/orchestrator/ and change what you need."
