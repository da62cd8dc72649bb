#!/bin/sh
# A look-alike of the reaper of Testcontainers: takes filters in lines on its port, acknowledges each, and when its
# last client has been gone for a while removes all that they name.
if [ "$1" = serve ]; then
    while read -r line; do
        printf '%s\n' "$line" | tr -d '\r' >>/filters
        echo ACK
    done
    : >/gone
    exit
fi
nc -ll -p 8080 -e /ryuk.sh serve &
echo "Started! (a look-alike)"
while [ ! -e /gone ]; do sleep 1; done
sleep "${RYUK_TEST_TIMEOUT:-1}"
while read -r filters; do
    set --
    for filter in $(echo "$filters" | tr '&' ' '); do set -- "$@" --filter "$filter"; done
    for kind in container network volume; do
        all=
        [ "$kind" = container ] && all=-a
        ids=$(docker "$kind" ls -q $all "$@")
        own=$(hostname)
        for id in $ids; do
            [ "$id" = "$own" ] && continue
            force=
            [ "$kind" = network ] || force=-f
            docker "$kind" rm $force "$id"
        done
    done
done </filters
echo Removed
