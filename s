#!/bin/sh
[ $1 = bound ] && echo GOT $ip $subnet $router $hostname
exit 0
