//! Files and folders, including changes that are not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use super::content::{Content, FileNode};

pub(crate) type Inode = u64;

/// The names in a folder.
type Names = BTreeMap<String, Inode>;

/// An atomic change of names: after a power loss the disk has all of it or nothing.
type NameChange = Vec<(String, Option<Inode>)>;

const ROOT: Inode = 0;

#[derive(Debug, Clone, Default)]
struct FolderNode {
    names: Names,
    durable: Names,
    pending: Vec<NameChange>,
}

#[derive(Debug, Clone)]
enum Node {
    File(Arc<FileNode>),
    Folder(Arc<FolderNode>),
}

/// A file system. Clones share unchanged parts.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    nodes: BTreeMap<Inode, Node>,
    next: Inode,
}

fn apply(names: &mut Names, change: &NameChange) {
    for (name, inode) in change {
        match inode {
            Some(inode) => names.insert(name.clone(), *inode),
            None => names.remove(name),
        };
    }
}

impl FolderNode {
    fn new(names: Names) -> Self {
        Self { durable: names.clone(), names, pending: Vec::new() }
    }

    fn change(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.pending.push(change);
    }

    fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    fn with(&self, is_there: impl Fn(usize) -> bool) -> Names {
        let mut names = self.durable.clone();
        let there = self.pending.iter().enumerate().filter(|(index, _)| is_there(*index));
        there.for_each(|(_, change)| apply(&mut names, change));
        names
    }

    fn after_power_loss(&self, rng: &mut fastrand::Rng) -> Names {
        match rng.u8(0..8) {
            0 => self.durable.clone(),
            1 => self.names.clone(),
            2..=5 => {
                let length = rng.usize(0..=self.pending.len());
                self.with(|index| index < length)
            }
            _ => {
                let there: Vec<bool> = self.pending.iter().map(|_| rng.bool()).collect();
                self.with(|index| there[index])
            }
        }
    }

    fn all_after_power_loss(&self) -> Option<Vec<Names>> {
        if self.pending.len() > 5 {
            return None;
        }
        let mut all = Vec::new();
        for there in 0..1_u32 << self.pending.len() {
            let names = self.with(|index| there >> index & 1 == 1);
            if !all.contains(&names) {
                all.push(names);
            }
        }
        Some(all)
    }
}

fn error(kind: io::ErrorKind) -> io::Error {
    io::Error::from(kind)
}

impl Files {
    pub(crate) fn new() -> Self {
        let root = Node::Folder(Arc::default());
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1 }
    }

    fn folder(&self, inode: Inode) -> io::Result<&FolderNode> {
        match self.nodes.get(&inode) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(error(io::ErrorKind::NotADirectory)),
            None => Err(error(io::ErrorKind::NotFound)),
        }
    }

    fn folder_mut(&mut self, inode: Inode) -> io::Result<&mut FolderNode> {
        match self.nodes.get_mut(&inode) {
            Some(Node::Folder(folder)) => Ok(Arc::make_mut(folder)),
            Some(Node::File(_)) => Err(error(io::ErrorKind::NotADirectory)),
            None => Err(error(io::ErrorKind::NotFound)),
        }
    }

    pub(super) fn file(&self, inode: Inode) -> io::Result<&FileNode> {
        match self.nodes.get(&inode) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder(_)) => Err(error(io::ErrorKind::IsADirectory)),
            None => Err(error(io::ErrorKind::NotFound)),
        }
    }

    pub(super) fn file_mut(&mut self, inode: Inode) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&inode) {
            Some(Node::File(file)) => Ok(Arc::make_mut(file)),
            Some(Node::Folder(_)) => Err(error(io::ErrorKind::IsADirectory)),
            None => Err(error(io::ErrorKind::NotFound)),
        }
    }

    /// Returns the file or folder at a path.
    pub(crate) fn find(&self, path: &Path) -> io::Result<Inode> {
        let mut inode = ROOT;
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => {
                    let name = name.to_str().ok_or(error(io::ErrorKind::InvalidInput))?;
                    let found = self.folder(inode)?.names.get(name).copied();
                    inode = found.ok_or(error(io::ErrorKind::NotFound))?;
                }
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(error(io::ErrorKind::InvalidInput));
                }
            }
        }
        Ok(inode)
    }

    /// Returns the folder of a path, and the name in it.
    fn place(&self, path: &Path) -> io::Result<(Inode, String)> {
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(folder), Some(name)) = (path.parent(), name) else {
            return Err(error(io::ErrorKind::InvalidInput));
        };
        let folder = self.find(folder)?;
        self.folder(folder)?;
        Ok((folder, name.to_owned()))
    }

    fn add(&mut self, node: Node) -> Inode {
        let inode = self.next;
        self.next += 1;
        self.nodes.insert(inode, node);
        inode
    }

    fn create_node(&mut self, path: &Path, node: Node) -> io::Result<Inode> {
        let (folder, name) = self.place(path)?;
        if self.folder(folder)?.names.contains_key(&name) {
            return Err(error(io::ErrorKind::AlreadyExists));
        }
        let inode = self.add(node);
        self.folder_mut(folder)?.change(vec![(name, Some(inode))]);
        Ok(inode)
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<Inode> {
        self.create_node(path, Node::File(Arc::default()))
    }

    /// Creates a file without a name.
    pub(super) fn create_anonymous(&mut self) -> Inode {
        self.add(Node::File(Arc::default()))
    }

    pub(super) fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        self.create_node(path, Node::Folder(Arc::default())).map(drop)
    }

    pub(super) fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        self.file(inode)?;
        let (folder, name) = self.place(to)?;
        if self.folder(folder)?.names.contains_key(&name) {
            return Err(error(io::ErrorKind::AlreadyExists));
        }
        self.folder_mut(folder)?.change(vec![(name, Some(inode))]);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        let ((old_folder, old_name), (folder, name)) = (self.place(from)?, self.place(to)?);
        if let Some(replaced) = self.folder(folder)?.names.get(&name).copied() {
            if replaced == inode {
                return Ok(());
            }
            self.file(replaced)?;
        }
        let (added, removed) = ((name, Some(inode)), (old_name, None));
        if folder == old_folder {
            self.folder_mut(folder)?.change(vec![added, removed]);
        } else {
            self.folder_mut(folder)?.change(vec![added]);
            self.folder_mut(old_folder)?.change(vec![removed]);
        }
        Ok(())
    }

    /// Removes a file. Returns whether it existed.
    pub(super) fn remove(&mut self, path: &Path) -> io::Result<bool> {
        match self.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            inode => self.file(inode?)?,
        };
        let (folder, name) = self.place(path)?;
        self.folder_mut(folder)?.change(vec![(name, None)]);
        Ok(true)
    }

    pub(crate) fn is_folder(&self, path: &Path) -> bool {
        self.find(path).is_ok_and(|inode| self.folder(inode).is_ok())
    }

    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.folder(self.find(path)?)?.names.keys().cloned().collect())
    }

    pub(crate) fn content(&self, path: &Path) -> io::Result<&Content> {
        Ok(&self.file(self.find(path)?)?.content)
    }

    /// Syncs the names in a folder, and forgets files that have no name any more and are not `open`.
    pub(super) fn sync_folder(&mut self, path: &Path, open: &BTreeSet<Inode>) -> io::Result<()> {
        let inode = self.find(path)?;
        if self.folder(inode)?.pending.is_empty() {
            return Ok(());
        }
        self.folder_mut(inode)?.sync();
        let mut named = open.clone();
        named.insert(ROOT);
        for node in self.nodes.values() {
            if let Node::Folder(folder) = node {
                named.extend(folder.names.values().chain(folder.durable.values()));
                named.extend(folder.pending.iter().flatten().filter_map(|(_, inode)| *inode));
            }
        }
        self.nodes.retain(|inode, _| named.contains(inode));
        Ok(())
    }

    /// Returns how many bytes are occupied by files that have a name or are `open`.
    pub(super) fn allocated(&self, open: &BTreeSet<Inode>) -> u64 {
        let mut used = open.clone();
        for node in self.nodes.values() {
            if let Node::Folder(folder) = node {
                used.extend(folder.names.values());
            }
        }
        let files = used.into_iter().filter_map(|inode| self.file(inode).ok());
        files.map(|file| file.content.allocated()).sum()
    }

    /// Returns a possible content of the disk after a power loss.
    pub(crate) fn after_power_loss(&self, rng: &mut fastrand::Rng) -> Self {
        let mut files = self.clone();
        for node in files.nodes.values_mut() {
            match node {
                // After a failed sync, a file can be clean without being on the disk.
                Node::File(file) => *node = Node::File(Arc::new(FileNode::new(file.after_power_loss(rng)))),
                Node::Folder(folder) if !folder.pending.is_empty() => {
                    *node = Node::Folder(Arc::new(FolderNode::new(folder.after_power_loss(rng))));
                }
                Node::Folder(_) => {}
            }
        }
        files.without_unreachable()
    }

    /// Returns all possible contents of the disk after a power loss if there are at most `most`, otherwise a
    /// sample. Files and folders with many changes have a random state in each of them.
    pub(crate) fn all_after_power_loss(&self, most: usize, rng: &mut fastrand::Rng) -> Vec<Self> {
        let mut choices: Vec<(Inode, Vec<Node>)> = Vec::new();
        for (inode, node) in &self.nodes {
            let all: Option<Vec<Node>> = match node {
                Node::File(file) if !file.is_clean() => {
                    let all = file.all_after_power_loss(32);
                    let node = |content| Node::File(Arc::new(FileNode::new(content)));
                    all.map(|all| all.into_iter().map(node).collect())
                }
                Node::Folder(folder) if !folder.pending.is_empty() => {
                    let node = |names| Node::Folder(Arc::new(FolderNode::new(names)));
                    folder.all_after_power_loss().map(|all| all.into_iter().map(node).collect())
                }
                Node::File(_) | Node::Folder(_) => None,
            };
            choices.extend(all.map(|all| (*inode, all)));
        }
        let states = choices.iter().try_fold(1_usize, |states, (_, all)| states.checked_mul(all.len()));
        let Some(states) = states.filter(|states| *states <= most) else {
            return (0..most).map(|_| self.after_power_loss(rng)).collect();
        };
        let chosen = (0..states).map(|mut number| {
            let mut files = self.clone();
            for (inode, all) in &choices {
                files.nodes.insert(*inode, all[number % all.len()].clone());
                number /= all.len();
            }
            files.after_power_loss(rng)
        });
        chosen.collect()
    }

    fn without_unreachable(mut self) -> Self {
        let mut reached = BTreeSet::from([ROOT]);
        let mut folders = vec![ROOT];
        while let Some(inode) = folders.pop() {
            if let Some(Node::Folder(folder)) = self.nodes.get(&inode) {
                for name in folder.names.values() {
                    if reached.insert(*name) {
                        folders.push(*name);
                    }
                }
            }
        }
        self.nodes.retain(|inode, _| reached.contains(inode));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> Files {
        let mut files = Files::new();
        for folder in ["/a", "/b"] {
            files.create_folder(Path::new(folder)).unwrap();
        }
        files.sync_folder(Path::new("/"), &BTreeSet::new()).unwrap();
        files
    }

    fn sync(files: &mut Files, folder: &str) {
        files.sync_folder(Path::new(folder), &BTreeSet::new()).unwrap();
    }

    fn states(files: &Files) -> Vec<(Vec<String>, Vec<String>)> {
        let mut rng = fastrand::Rng::with_seed(1);
        let list =
            |files: &Files| (files.list(Path::new("/a")).unwrap(), files.list(Path::new("/b")).unwrap());
        let mut states: Vec<_> = files.all_after_power_loss(100, &mut rng).iter().map(list).collect();
        states.sort();
        states.dedup();
        let random = list(&files.after_power_loss(&mut rng));
        assert!(states.contains(&random));
        states
    }

    #[test]
    fn names_are_there_once_their_folder_is_synced() {
        let mut files = folders();
        files.create(Path::new("/a/x")).unwrap();
        assert_eq!(states(&files).len(), 2);
        sync(&mut files, "/b");
        assert_eq!(states(&files).len(), 2);
        sync(&mut files, "/a");
        assert_eq!(states(&files), [(vec!["x".to_owned()], vec![])]);
    }

    #[test]
    fn a_rename_within_a_folder_is_atomic_and_one_into_another_is_not() {
        let mut files = folders();
        files.create(Path::new("/a/x")).unwrap();
        sync(&mut files, "/a");
        files.rename(Path::new("/a/x"), Path::new("/a/y")).unwrap();
        let name = |name: &str| vec![name.to_owned()];
        assert_eq!(states(&files), [(name("x"), vec![]), (name("y"), vec![])]);
        sync(&mut files, "/a");
        files.rename(Path::new("/a/y"), Path::new("/b/z")).unwrap();
        assert_eq!(states(&files).len(), 4);
        sync(&mut files, "/b");
        assert_eq!(states(&files), [(vec![], name("z")), (name("y"), name("z"))]);
    }

    #[test]
    fn what_is_there_is_not_created_and_what_is_not_is_missing() {
        let mut files = folders();
        files.create(Path::new("/a/x")).unwrap();
        let kind = |result: io::Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(files.create(Path::new("/a/x")).map(drop)), io::ErrorKind::AlreadyExists);
        assert_eq!(kind(files.create_folder(Path::new("/a"))), io::ErrorKind::AlreadyExists);
        assert_eq!(kind(files.create(Path::new("/c/x")).map(drop)), io::ErrorKind::NotFound);
        assert_eq!(kind(files.create(Path::new("/a/x/y")).map(drop)), io::ErrorKind::NotADirectory);
        assert_eq!(kind(files.link(Path::new("/a/y"), Path::new("/b/y"))), io::ErrorKind::NotFound);
        assert!(!files.remove(Path::new("/a/y")).unwrap());
        files.link(Path::new("/a/x"), Path::new("/b/y")).unwrap();
        assert_eq!(files.find(Path::new("/a/x")).unwrap(), files.find(Path::new("/b/y")).unwrap());
        assert!(files.remove(Path::new("/a/x")).unwrap());
        assert!(files.content(Path::new("/b/y")).is_ok());
    }
}
