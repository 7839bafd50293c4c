//! Object code into memory: parses one relocatable ELF object, lays it out, relocates it, and makes it
//! executable.
//!
//! Refuses whatever it does not expect. What it cannot check is what the instructions do: objects come
//! from this machine's own compiler, through a cache that checks their integrity.

use std::{collections::HashMap, fmt};

use memmap2::{Mmap, MmapMut};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags, RelocationTarget,
    SectionFlags, SectionIndex, SectionKind, elf,
    read::elf::{ElfFile64, ElfSection64},
};

use super::abi::{Entry, NativeFrame};

/// The only symbol that an object exports.
const ENTRY: &str = "entry";
/// The largest object that is loaded, laid out.
const MAX_BYTES: usize = 64 << 20;
/// No section asks for a greater alignment; a mapping begins at a page.
const MAX_ALIGNMENT: u64 = 4096;

/// Why object code is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the object code is refused: {0}")]
pub(crate) struct LoadError(String);

fn refused<T>(why: impl Into<String>) -> Result<T, LoadError> {
    Err(LoadError(why.into()))
}

/// Code that can run.
pub(super) struct ObjectCode {
    /// Owns what `entry` points into.
    mapping: Mmap,
    entry: Entry,
}

impl fmt::Debug for ObjectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectCode({} bytes)", self.mapping.len())
    }
}

impl ObjectCode {
    /// Loads an object.
    pub(super) fn load(bytes: &[u8]) -> Result<Self, LoadError> {
        if !cfg!(all(target_arch = "x86_64", target_endian = "little")) {
            return refused("only x86-64 runs native code so far");
        }
        let file = ElfFile64::<object::LittleEndian>::parse(bytes)
            .map_err(|error| LoadError(format!("it is no 64-bit ELF file: {error}")))?;
        check_header(&file)?;
        let layout = Layout::of(&file)?;
        let entry = entry_offset(&file, &layout)?;
        let mut mapping = MmapMut::map_anon(layout.len)
            .map_err(|error| LoadError(format!("no memory to map: {error}")))?;
        layout.copy(&file, &mut mapping)?;
        let base = mapping.as_ptr() as u64;
        layout.relocate(&file, &mut mapping, base)?;
        let mapping = mapping
            .make_exec()
            .map_err(|error| LoadError(format!("the memory can't be made executable: {error}")))?;
        // SAFETY: `entry_offset` found the address inside an executable section of this mapping, which
        // `ObjectCode` keeps for as long as the function can be called; that the function keeps to the
        // ABI is what the compiler promises.
        let entry = unsafe { std::mem::transmute::<*const u8, Entry>(mapping.as_ptr().add(entry)) };
        Ok(Self { mapping, entry })
    }

    /// How many bytes it takes.
    pub(super) fn len(&self) -> usize {
        self.mapping.len()
    }

    /// Runs the code on a frame.
    ///
    /// # Safety
    ///
    /// Everything in the frame points to what the ABI says, and stays there until this returns. The code
    /// was compiled from the frame's bytecode by the rules of its spec.
    pub(super) unsafe fn run(&self, frame: *mut NativeFrame) -> u64 {
        // SAFETY: the caller's promise; the mapping lives as long as `self`.
        unsafe { (self.entry)(frame) }
    }
}

type File<'a> = ElfFile64<'a, object::LittleEndian>;
type Section<'a, 'f> = ElfSection64<'a, 'f, object::LittleEndian>;

fn check_header(file: &File<'_>) -> Result<(), LoadError> {
    let header = file.elf_header();
    if header.e_type.get(object::LittleEndian) != elf::ET_REL {
        return refused("it is not relocatable");
    }
    match header.e_machine.get(object::LittleEndian) {
        elf::EM_X86_64 => Ok(()),
        machine => refused(format!("it is for machine {machine}, not for x86-64")),
    }
}

/// Where each section that is needed at run time lies in the mapping.
struct Layout {
    offsets: HashMap<SectionIndex, usize>,
    len: usize,
}

impl Layout {
    fn of(file: &File<'_>) -> Result<Self, LoadError> {
        let mut offsets = HashMap::new();
        let mut end = 0u64;
        for section in file.sections() {
            if !is_loaded(&section)? {
                continue;
            }
            let align = section.align().max(1);
            if !align.is_power_of_two() || align > MAX_ALIGNMENT {
                return refused(format!("a section is aligned to {align} bytes"));
            }
            let offset = end.next_multiple_of(align);
            offsets.insert(section.index(), offset as usize);
            end = offset.saturating_add(section.size());
            if end > MAX_BYTES as u64 {
                return refused(format!("it takes more than {MAX_BYTES} bytes"));
            }
        }
        if end == 0 {
            return refused("it is empty");
        }
        Ok(Self {
            offsets,
            len: end as usize,
        })
    }

    fn copy(&self, file: &File<'_>, mapping: &mut [u8]) -> Result<(), LoadError> {
        for section in file.sections() {
            let Some(offset) = self.offsets.get(&section.index()) else {
                continue;
            };
            let data = section
                .data()
                .map_err(|error| LoadError(format!("a section can't be read: {error}")))?;
            mapping
                .get_mut(*offset..offset + data.len())
                .ok_or_else(|| LoadError("a section is longer than it says".to_owned()))?
                .copy_from_slice(data);
        }
        Ok(())
    }

    /// Applies all relocations of loaded sections, for a mapping at `base`.
    fn relocate(&self, file: &File<'_>, mapping: &mut [u8], base: u64) -> Result<(), LoadError> {
        for section in file.sections() {
            let Some(start) = self.offsets.get(&section.index()) else {
                continue;
            };
            for (offset, relocation) in section.relocations() {
                let RelocationTarget::Symbol(symbol) = relocation.target() else {
                    return refused("a relocation has no symbol");
                };
                let target = self.symbol_offset(file, symbol)?;
                let value = base
                    .wrapping_add(target)
                    .wrapping_add_signed(relocation.addend());
                let place = (*start as u64).checked_add(offset);
                let place = place.filter(|place| *place < mapping.len() as u64);
                let Some(place) = place else {
                    return refused("a relocation lies outside of its section");
                };
                let at = place as usize;
                match relocation.flags() {
                    RelocationFlags::Elf {
                        r_type: elf::R_X86_64_PC32 | elf::R_X86_64_PLT32,
                    } => {
                        let distance = value.wrapping_sub(base.wrapping_add(place)) as i64;
                        let distance = i32::try_from(distance)
                            .map_err(|_| LoadError("a relocation reaches too far".to_owned()))?;
                        put(mapping, at, &distance.to_le_bytes())?;
                    }
                    RelocationFlags::Elf {
                        r_type: elf::R_X86_64_PC64,
                    } => {
                        let distance = value.wrapping_sub(base.wrapping_add(place));
                        put(mapping, at, &distance.to_le_bytes())?;
                    }
                    RelocationFlags::Elf {
                        r_type: elf::R_X86_64_64,
                    } => put(mapping, at, &value.to_le_bytes())?,
                    other => return refused(format!("a relocation of unknown kind: {other:?}")),
                }
            }
        }
        Ok(())
    }

    fn symbol_offset(&self, file: &File<'_>, index: object::SymbolIndex) -> Result<u64, LoadError> {
        let symbol = file
            .symbol_by_index(index)
            .map_err(|error| LoadError(format!("a symbol can't be read: {error}")))?;
        let section = symbol
            .section_index()
            .ok_or_else(|| LoadError(undefined(symbol.name().unwrap_or("?"))))?;
        let start = self.offsets.get(&section);
        let start = start.ok_or_else(|| {
            LoadError(format!(
                "{} lies in a section that is not loaded",
                symbol.name().unwrap_or("a symbol")
            ))
        })?;
        (*start as u64)
            .checked_add(symbol.address())
            .filter(|offset| *offset <= self.len as u64)
            .ok_or_else(|| LoadError("a symbol lies outside of its section".to_owned()))
    }
}

fn undefined(name: &str) -> String {
    format!("it needs {name:?} from elsewhere")
}

fn put(mapping: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), LoadError> {
    mapping
        .get_mut(at..at + bytes.len())
        .ok_or_else(|| LoadError("a relocation lies outside of its section".to_owned()))?
        .copy_from_slice(bytes);
    Ok(())
}

/// Whether a section is needed at run time. Unwind tables are not: nothing unwinds through native code.
fn is_loaded(section: &Section<'_, '_>) -> Result<bool, LoadError> {
    let name = section.name().unwrap_or("?");
    let SectionFlags::Elf { sh_flags } = section.flags() else {
        return Ok(false);
    };
    if sh_flags & u64::from(elf::SHF_ALLOC) == 0 || name == ".eh_frame" || section.size() == 0 {
        return Ok(false);
    }
    // Tables of addresses are written once, while loading.
    let writable = sh_flags & u64::from(elf::SHF_WRITE) != 0 && !name.starts_with(".data.rel.ro");
    match section.kind() {
        _ if writable => refused(format!("section {name} can be written")),
        SectionKind::Text
        | SectionKind::ReadOnlyData
        | SectionKind::ReadOnlyDataWithRel
        | SectionKind::ReadOnlyString
        | SectionKind::Data => Ok(true),
        kind => refused(format!("section {name} is of kind {kind:?}")),
    }
}

/// Where the function begins; also refuses every symbol that would have to come from elsewhere.
fn entry_offset(file: &File<'_>, layout: &Layout) -> Result<usize, LoadError> {
    let mut entry = None;
    for symbol in file.symbols() {
        let name = symbol.name().unwrap_or("?");
        // The first symbol of every table is undefined and has no name.
        if symbol.is_undefined() && !name.is_empty() {
            return refused(undefined(name));
        }
        if name != ENTRY || !symbol.is_global() {
            continue;
        }
        let section = symbol
            .section_index()
            .map(|index| file.section_by_index(index));
        let Some(Ok(section)) = section else {
            return refused("the entry lies in no section");
        };
        if section.kind() != SectionKind::Text || symbol.address() >= section.size() {
            return refused("the entry is no code");
        }
        entry = Some(layout.symbol_offset(file, symbol.index())? as usize);
    }
    entry.ok_or_else(|| LoadError(format!("it exports no {ENTRY:?}")))
}
