#!/bin/sh
# usage: sh envs/slurm.sh
# Installs Slurm and munge from Debian's and Ubuntu's packages, for tests/cluster, if it may. Where it may not, it says
# what to do and succeeds: the tests that need them are skipped and say so.
packages="slurmctld slurmd slurm-client munge"
there() { command -v sbatch && command -v slurmctld && command -v slurmd && command -v munged; }
PATH=$PATH:/usr/sbin
there > /dev/null && exit 0
if test "$(id -u)" = 0 && command -v apt-get > /dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    install="apt-get install -qq --no-install-recommends $packages"
    $install > /dev/null 2>&1 || { apt-get update -qq && $install > /dev/null; } || true
fi
there > /dev/null || echo "Slurm is not here; tests/cluster is skipped. As an administrator: apt-get install $packages."
