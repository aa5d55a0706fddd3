# SPDX-License-Identifier: BSD-3-Clause
"""The lab: the whole of Postern between real senders and a real farm, on one machine.

Three network namespaces in a row, joined by veth pairs. `wan` holds the senders' addresses, `box`
the two ports of the packet engine, `mx` the control plane, the farm and the name server. Nothing
outside these namespaces is touched, but for hugepages, which are given back.

    wan  postern-senders ----- postern-wan  box  postern-mx ----- postern-farm  mx
    senders                    the engine, wire topology          postern-control :25 -> smtp-sink, nsd

Files: namespaces.py the network · mail.py keys, signed messages, the zone · farm.py nsd and
smtp-sink · product.py the engines and control · senders.py who sends · scenario.py the rows ·
real_lists.py the published lists · ports.py real ports instead of all this · table.py what is
printed · __main__.py the command line.
"""
