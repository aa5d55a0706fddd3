# SPDX-License-Identifier: BSD-3-Clause
"""The BPF program loads on Debian 12's own kernel, and judges there every frame of the corpus, and
thousands of mutants, as the naive oracle does. That kernel runs under qemu, without acceleration,
with a file system in memory that holds busybox, the program, the frames and what replays them."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

BOOT_SECONDS = 800
CACHE = pathlib.Path(os.environ["POSTERN_KERNEL_CACHE"])
INIT = """#!/busybox sh
/busybox mkdir -p /proc /sys
/busybox mount -t proc proc /proc
/busybox mount -t sysfs sys /sys
echo "kernel $(/busybox uname -r)"
/replay_frames /postern.bpf.o /frames
echo "status $?"
/busybox poweroff -f
"""


def command(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words[0]}: {done.stderr.strip() or done.stdout.strip()}"
    return done.stdout


def package_name():
    depends = command("apt-cache", "depends", "linux-image-amd64")
    return re.search(r"Depends: (linux-image-\d\S+)", depends)[1]


def kernel():
    """-> the kernel's image; downloaded once for a build directory, and not installed"""
    CACHE.mkdir(exist_ok=True)
    name = package_name()
    image = CACHE / name.replace("linux-image", "vmlinuz")
    if image.exists():
        return image
    try:
        command("apt-get", "download", name, cwd=CACHE)
    except AssertionError:
        command("apt-get", "-qq", "update")
        command("apt-get", "download", name, cwd=CACHE)
    (package,) = CACHE.glob(f"{name}_*.deb")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as files:
        subprocess.run(["tar", "x", "--strip-components=2", "--wildcards", "./boot/vmlinuz*"], stdin=files.stdout,
                       cwd=CACHE, check=True)
    package.unlink()
    return image


def initramfs(folder):
    root = folder / "root"
    root.mkdir()
    shutil.copy("/bin/busybox", root / "busybox")
    shutil.copy(os.environ["POSTERN_REPLAY"], root / "replay_frames")
    shutil.copy(os.environ["POSTERN_PROGRAM"], root / "postern.bpf.o")
    command(os.environ["POSTERN_RECORD"], root / "frames")
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    archive = folder / "initramfs"
    names = "\n".join(sorted(path.name for path in root.iterdir()))
    with archive.open("wb") as out:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], input=names.encode(), stdout=out, cwd=root, check=True)
    return archive


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64") or not pathlib.Path("/bin/busybox").exists(),
                    reason="qemu-system-x86 or busybox-static is not installed")
def test_the_corpus_on_the_kernel_of_debian_12(tmp_path):
    done = subprocess.run(["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024", "-display",
                           "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot", "-kernel", kernel(),
                           "-initrd", initramfs(tmp_path), "-append", "console=ttyS0 quiet panic=-1"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOOT_SECONDS)
    said = done.stdout + done.stderr
    assert re.search(r"^kernel 6\.1\.", said, re.M), said
    for how in ("loaded", "in parts"):
        loaded = re.search(rf"^{how}, (\d+) instructions verified", said, re.M)
        assert loaded, said
        print(loaded[0])
        assert int(loaded[1]) < 900_000, f"the verifier's million is near: {loaded[1]}"
    told = re.search(r"^(\d+) frames, (\d+) judged otherwise", said, re.M)
    assert told, said
    assert int(told[2]) == 0, said
    assert int(told[1]) > 5000, said
    assert re.search(r"^status 0", said, re.M), said
