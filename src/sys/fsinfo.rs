//! Which kind of file system holds a path.

use std::io;
use std::path::Path;

use super::FileSystem;

/// File systems whose locks or maps are not coherent between all users, by `statfs` type.
#[cfg(target_os = "linux")]
const NETWORK: &[(u32, &str)] = &[
    (0x0000_6969, "nfs"),
    (0x0000_517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd0, "lustre"),
    (0x7375_7245, "coda"),
    (0x0000_564c, "ncp"),
    (0x4750_4653, "gpfs"),
    (0x1983_0326, "beegfs"),
    (0x2003_0528, "orangefs"),
    (0x786f_4256, "vboxsf"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
];

#[cfg(target_os = "linux")]
const LOCAL: &[(u32, &str)] = &[
    (0x0000_ef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x794c_7630, "overlay"),
    (0xf2f5_2010, "f2fs"),
    (0x2fc1_2fc1, "zfs"),
    (0xca45_1a4e, "bcachefs"),
    (0x0000_4d44, "vfat"),
    (0x2011_bab0, "exfat"),
    (0x5346_544e, "ntfs"),
    (0x7366_746e, "ntfs3"),
    (0x0000_9660, "iso9660"),
    (0x7371_7368, "squashfs"),
    (0xe0f5_e1e2, "erofs"),
];

/// The kind of file system that holds `path` (or its directory, while `path` does not exist).
pub(super) fn file_system(path: &Path) -> io::Result<FileSystem> {
    match kind(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => kind(super::os::directory_of(path)),
        other => other,
    }
}

#[cfg(target_os = "linux")]
fn kind(path: &Path) -> io::Result<FileSystem> {
    use std::mem::MaybeUninit;

    let path = super::os::c_path(path)?;
    let mut stats = MaybeUninit::<libc::statfs>::uninit();
    let stats = loop {
        // SAFETY: `path` is a C string and `stats` has room for the answer.
        if unsafe { libc::statfs(path.as_ptr(), stats.as_mut_ptr()) } == 0 {
            // SAFETY: the call succeeded, so the kernel filled it in.
            break unsafe { stats.assume_init() };
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    };
    // The type is a 32-bit number that some platforms sign-extend.
    Ok(classify(stats.f_type as u32))
}

#[cfg(target_os = "linux")]
pub(super) fn classify(magic: u32) -> FileSystem {
    let name = |table: &[(u32, &str)]| {
        table
            .iter()
            .find(|(known, _)| *known == magic)
            .map(|(_, name)| (*name).to_owned())
    };
    if let Some(name) = name(NETWORK) {
        return FileSystem::Network(name);
    }
    FileSystem::Local(name(LOCAL).unwrap_or_else(|| format!("type {magic:#x}")))
}

/// Elsewhere there is no such table yet; the path must exist, that is all.
#[cfg(not(target_os = "linux"))]
fn kind(path: &Path) -> io::Result<FileSystem> {
    std::fs::metadata(path).map(|_| FileSystem::Local("unknown".to_owned()))
}
