# A bot that uses curl or wget, whichever is named as argument. Told what to call in its environment; prints what it saw.
set -eu
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
form='Content-Type: application/x-www-form-urlencoded'

# ask NAME URL [DATA]: the head of the answer to $dir/NAME.head, its body to $dir/NAME.body, the client's own status to $dir/NAME.exit
curl_() {
  name=$1 url=$2
  shift 2
  exit=0
  curl --silent --fail-with-body --dump-header "$dir/$name.head" --output "$dir/$name.body" \
    --suppress-connect-headers "$@" "$url" || exit=$?
  echo "$exit" > "$dir/$name.exit"
}
wget_() {
  name=$1 url=$2
  shift 2
  exit=0
  wget --quiet --server-response --content-on-error --tries=1 --output-document="$dir/$name.body" "$@" "$url" \
    2> "$dir/$name.head" || exit=$?
  echo "$exit" > "$dir/$name.exit"
}

case $1 in
  curl)
    curl_ good "$GOOD"
    curl_ signed "$SIGNED" --header "API-Key: $API_KEY" --header "API-Sign: $API_SIGN" --header "$form" --data "$BODY"
    curl_ refused "$REFUSED"
    ;;
  wget)
    wget_ good "$GOOD"
    wget_ signed "$SIGNED" --header="API-Key: $API_KEY" --header="API-Sign: $API_SIGN" --header="$form" --post-data="$BODY"
    wget_ refused "$REFUSED"
    ;;
esac

status() { sed -n 's|^ *HTTP/[0-9.]* \([0-9]*\).*|\1|p' "$dir/$1.head" | tail -1; }
field() { tr -d '\r' < "$dir/$1.head" | sed -n "s|^ *$2: \(.*\)|\1|Ip" | tail -1; }
answer() { printf '{"status":%s,"decision":"%s","body":%s}' "$(status "$1")" "$(field "$1" X-Weir-Decision)" "$(cat "$dir/$1.body")"; }
printf '{"good":%s,"signed":%s,' "$(answer good)" "$(answer signed)"
printf '"refused":{"error":"exit %s","status":%s,"code":"%s","retryAfter":"%s"}}\n' \
  "$(cat "$dir/refused.exit")" "$(status refused)" "$(field refused X-Weir-Error)" "$(field refused Retry-After)"
