#!/bin/sh
# usage: sh envs/wordnet.sh PYTHON NLTK_DATA
# Lays WordNet out where NLTK finds it, from Debian's and Ubuntu's packages; installs these if it may. Where it may not,
# it says what to do and succeeds: what needs WordNet tells so itself.
python=$1 folder=$2 source=/usr/share/wordnet packages="wordnet-base wordnet-sense-index"
test -d "$folder/corpora/wordnet" && exit 0
if ! test -f $source/index.sense && test "$(id -u)" = 0 && command -v apt-get > /dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    install="apt-get install -qq --no-install-recommends $packages"
    $install > /dev/null 2>&1 || { apt-get update -qq && $install > /dev/null; }
fi
if test -f $source/index.sense; then
    exec "$python" -m isoprune.io.wordnet $source "$folder"
fi
echo "WordNet is not here. As an administrator: apt-get install $packages. Or: $python -m nltk.downloader wordnet"
