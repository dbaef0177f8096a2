"""torchrun for ``dist_train.sh`` and ``dist_test.sh``; docs/distributed.md describes its variables.

``projects.cast`` is not imported, not even for its errors, because it would load all of MMAction2 into a
process that only watches others.
"""
import os
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError


def number(name, text, least):
    if not text.isdecimal() or int(text) < least:
        sys.exit(f'error: {name}={text}: give a whole number of at least {least}')
    return int(text)


def main(processes, *command):
    number('GPUS', processes, 1)
    nodes, rank, restarts = (number(name, os.environ.get(name, str(default)), default)
                             for name, default in (('NNODES', 1), ('NODE_RANK', 0), ('MAX_RESTARTS', 0)))
    if nodes == 1:
        rank, address, port = 0, 'localhost', os.environ.get('PORT', '0')  # 0: any free port
    elif 'MASTER_ADDR' in os.environ:
        address, port = os.environ['MASTER_ADDR'], os.environ.get('PORT', '29500')
    else:
        sys.exit(f'error: NNODES={nodes} needs MASTER_ADDR, the address of the machine with NODE_RANK=0')
    if restarts and not any(argument.startswith('--resume') for argument in command):
        sys.exit(f'error: MAX_RESTARTS={restarts} would start again from nothing; add --resume, '
                 'which goes on from the last checkpoint')
    if nodes > 1 and not restarts:  # torchrun's static rendezvous numbers the machines by NODE_RANK
        arguments = [f'--node-rank={rank}', f'--master-addr={address}', f'--master-port={port}']
    else:  # without is_host, torchrun would join whatever listens at a port already in use
        arguments = ['--rdzv-backend=c10d', f'--rdzv-endpoint={address}:{port}',
                     f'--rdzv-conf=is_host={int(rank == 0)}', f'--max-restarts={restarts}']
        # a store that outlives restarts gives processes the addresses of their predecessors:
        # https://github.com/pytorch/pytorch/issues/135712
        os.environ['TORCH_DISABLE_SHARE_RDZV_TCP_STORE'] = '1'
    if nodes == 1:  # not the host name, which some machines cannot resolve
        arguments.append('--local-addr=localhost')
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # torchrun does the same, but with a warning of five lines
    try:
        run.run(run.parse_args([f'--nnodes={nodes}', f'--nproc-per-node={processes}', *arguments, *command]))
    except ChildFailedError as error:
        process, failure = error.get_first_failure()
        how = (f'was killed by {failure.signal_name()}' if failure.exitcode < 0
               else f'ended with status {failure.exitcode}, see above')
        sys.exit(f'error: process {process} {how}')
    except RendezvousError:
        reason = 'the port is taken, choose another PORT' if rank == 0 else 'start NODE_RANK=0 there first'
        sys.exit(f'error: no connection at {address}:{port}: {reason}')
    except (SignalException, KeyboardInterrupt) as error:
        sys.exit(128 + getattr(error, 'sigval', 2))  # the status that shells report


if __name__ == '__main__':
    main(*sys.argv[1:])
