//! The open places of a document (JSON, XML): which object or element stands in which, whose it is,
//! and the values that wait for what their neighbours say of them. Invariant: depth, waiting values
//! and the distance that they wait are bounded, and what is told depends on offsets alone.

mod claim;
mod elements;
mod path;
mod roles;
mod told;
pub(crate) mod words;

use crate::finding::Span;
use crate::format::fhir::{self, Class};
use crate::locus::{self, Field, Written};
pub(crate) use claim::Role;
use claim::{Claim, Fact, Whose, tells_patient};
use path::Path;
use roles::{is_minor, is_person, is_type, role, whose};
use told::Waiting;
use words::{Element, Word, Words};

/// Levels whose places are known; deeper ones are passed over.
const DEPTH_MAX: usize = 64;

/// An open object, list or element.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// The key that it stands under; of a list's items the list's.
    word: Word,
    /// The element of the object that holds a list's items.
    holder: Element,
    is_list: bool,
    /// Whether it may be a resource or a record of its own.
    is_record: bool,
    /// Whether it is the type of an identifier, or a code in it.
    is_type: bool,
    /// Whether it is a period or a date that says nothing of the patient: the use of a name.
    is_minor: bool,
    class: Class,
    resource: &'static str,
    whose: Whose,
    fact: Option<Fact>,
    is_near_patient: bool,
    /// Where its path ends, and where the path of its record begins.
    path: u16,
    record: u16,
}

/// A value as its tokenizer gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) span: Span,
    /// Without escapes.
    pub(crate) text: &'a [u8],
    pub(crate) written: Written,
    /// Offset behind all bytes that tell where it ends; `u64::MAX` where it had to wait.
    pub(crate) seen: u64,
}

/// What takes the values that are told.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(&Field<'_>);

/// The open places.
#[derive(Debug)]
pub(crate) struct Outline {
    form: &'static str,
    frames: Vec<Frame>,
    /// Levels beyond [`DEPTH_MAX`].
    beyond: u64,
    /// The shown keys of the open frames, joined by dots.
    path: Path,
    waiting: Waiting,
    locus: String,
    /// The type of the resource that was told last.
    resource: Option<(Class, &'static str)>,
}

impl Outline {
    /// `form` names documents that are neither FHIR nor C-CDA.
    pub(crate) fn new(form: &'static str) -> Outline {
        Outline {
            form,
            frames: Vec::with_capacity(16),
            beyond: 0,
            path: Path::default(),
            waiting: Waiting::default(),
            locus: String::new(),
            resource: None,
        }
    }

    /// Forgets whatever is open or waits.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.beyond = 0;
        self.path.truncate(0);
        self.waiting.clear();
    }

    /// Whether nothing is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether what is read next is an item of a list.
    pub(crate) fn is_in_list(&self) -> bool {
        self.beyond > 0 || self.frames.last().is_none_or(|frame| frame.is_list)
    }

    /// The word that a list's items stand under.
    pub(crate) fn list_word(&self) -> Word {
        self.frames.last().map(|frame| frame.word).unwrap_or_default()
    }

    /// The offset before which every value has been told, up to `at`.
    pub(crate) fn settled(&self, at: u64) -> u64 {
        self.waiting.start().unwrap_or(at)
    }

    /// Opens an object, list or element under `word`.
    pub(crate) fn open(&mut self, word: Word, is_list: bool, words: &Words) {
        if self.frames.len() >= DEPTH_MAX {
            self.beyond += 1;
            return;
        }
        let above = self.frames.last().copied().unwrap_or_default();
        let is_item = above.is_list || self.frames.is_empty();
        let word = if is_item && !self.frames.is_empty() { above.word } else { word };
        let outer = if above.is_list { above.holder } else { above.word.element };
        if !is_item {
            self.path.push(words.shown_padded(word), above.record);
        }
        let path = self.path.len();
        // A copy of the one above, in its place, with what differs: the fewest steps.
        self.frames.push(above);
        let Some(frame) = self.frames.last_mut() else { return };
        frame.is_type = is_type(&above, outer, word);
        frame.is_minor |= is_minor(outer);
        (frame.word, frame.holder, frame.path) = (word, outer, path);
        (frame.is_list, frame.is_record, frame.fact) = (is_list, false, None);
        frame.whose = whose(frame, above.class);
        frame.is_near_patient |= frame.whose == Whose::Person;
        let is_plain = word.element == Element::Other && word.family.is_none();
        if !is_list && (word.element == Element::Resource || is_item && is_plain) {
            frame.is_record = true;
            if word.element == Element::Resource {
                (frame.class, frame.resource) = (Class::Unknown, "");
                (frame.whose, frame.is_minor) = (Whose::Unknown, false);
                frame.record = path;
            }
        }
    }

    /// Opens an element of XML: a resource or a document by its name.
    pub(crate) fn open_element(&mut self, word: Word, name: &[u8], words: &Words) {
        let is_root = self.frames.is_empty();
        let is_resource = is_root || self.list_word().element == Element::Resource;
        self.open(word, false, words);
        if self.beyond > 0 || !is_resource {
            return;
        }
        let Some(frame) = self.frames.last_mut() else { return };
        if let Some((class, resource)) = fhir::resource(name) {
            (frame.class, frame.resource) = (class, resource);
            frame.whose = Whose::of(class);
            frame.is_record = true;
            frame.record = frame.path;
        } else if is_root && name == b"ClinicalDocument" {
            (frame.class, frame.whose) = (Class::Document, Whose::Nobody);
            frame.record = frame.path;
        }
    }

    /// Takes the text of the open element, or what an attribute says in its place.
    pub(crate) fn element_value(&mut self, value: Value<'_>, sink: Sink<'_>) {
        let Some(role) = self.role_of_text() else { return };
        let Some(frame) = self.frames.pop() else { return };
        self.value(role, b"", value, sink);
        self.frames.push(frame);
    }

    /// What the text of the open element is to the one around it; nothing where it need not be read.
    fn role_of_text(&self) -> Option<Role> {
        let (open, around) = self.frames.split_last()?;
        self.role_in(around.last()?, open.word)
    }

    /// Closes what was opened last, at offset `at`.
    pub(crate) fn close(&mut self, at: u64, sink: Sink<'_>) {
        self.expire(at, sink);
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let depth = self.frames.len();
        let Some(frame) = self.frames.pop() else { return };
        if !frame.is_list && self.waiting.is_until(depth) {
            let is_over = frame.is_record || frame.class != Class::Unknown || depth == 1;
            if is_over {
                self.tell_until(depth, &frame, sink);
            } else {
                let outer = self.object_depth();
                self.waiting.defer(depth, outer, &frame);
            }
        }
        let above = self.frames.last();
        self.path.truncate(above.map_or(0, |above| above.path));
        let is_part =
            above.is_none_or(|above| !above.is_list || above.word.element != Element::Other);
        if frame.is_near_patient && is_part && !frame.is_record && !frame.is_list {
            self.note(|holder| holder.is_near_patient = true);
        }
    }

    /// Closes whatever is open, at offset `at`.
    pub(crate) fn close_all(&mut self, at: u64, sink: Sink<'_>) {
        self.beyond = 0;
        while !self.frames.is_empty() {
            self.close(at, sink);
        }
    }

    /// Tells, as far as is known, what has waited for long at offset `at`.
    pub(crate) fn expire(&mut self, at: u64, sink: Sink<'_>) {
        while self.waiting.is_late(at) {
            self.tell_first(sink);
        }
    }

    /// What the next value is to the open list, or under `word` to the open object; nothing where it
    /// need not be read.
    #[inline]
    pub(crate) fn role_of_next(&self, word: Word) -> Option<Role> {
        let frame = self.frames.last()?;
        self.role(if frame.is_list { frame.word } else { word })
    }

    /// What a value under `word` is to the open object; nothing where it need not be read.
    #[inline]
    pub(crate) fn role(&self, word: Word) -> Option<Role> {
        self.role_in(self.frames.last()?, word)
    }

    #[inline]
    fn role_in(&self, frame: &Frame, word: Word) -> Option<Role> {
        if self.beyond > 0 || word == Word::default() {
            return None;
        }
        let holder = if frame.is_list { frame.holder } else { frame.word.element };
        role(frame, holder, word)
    }

    /// Takes a value in its role.
    pub(crate) fn value(&mut self, role: Role, shown: &[u8], value: Value<'_>, sink: Sink<'_>) {
        self.expire(value.span.end, sink);
        let Some(frame) = self.frames.last().copied() else { return };
        let holder = if frame.is_list { frame.holder } else { frame.word.element };
        if role == Role::ResourceType {
            return self.set_resource(value.text, sink);
        }
        let is_fact = role.is_fact() || role == Role::Reference;
        if is_fact || role == Role::Name && frame.class == Class::Unknown {
            let fact = Fact::of(role, holder, value.text);
            self.note_fact(role, fact);
            if role == Role::Name && fact.is_some() {
                return;
            }
        }
        let mut value = value;
        let mut scheme = None;
        if matches!(role, Role::Reference | Role::FullUrl) {
            let Some(id) = logical_id(role, holder, value) else { return };
            value = id;
        } else if role == Role::Telecom
            && let Some((family, len)) = fhir::contact_scheme(value.text)
        {
            scheme = Some(Fact::Family(family));
            value.text = value.text.get(len..).unwrap_or_default();
            value.span.start += len as u64;
        }
        if role.is_fact() {
            return;
        }
        let mut claim = Claim {
            class: frame.class,
            whose: frame.whose,
            holder,
            fact: frame.fact.or(scheme),
            is_near_patient: frame.is_near_patient,
        };
        if frame.class == Class::Unknown
            && let Some(family) = claim.family_of(role)
            && tells_patient(family)
            && locus::judge(family, value.text).is_some()
        {
            self.note(|holder| holder.is_near_patient = true);
            claim.is_near_patient = true;
        }
        let depth = self.object_depth();
        let path = self.path.from(frame.record);
        if frame.class == Class::Unknown || role.awaits_fact() {
            self.waiting.add((role, claim, depth), value, (path, shown));
            if self.waiting.is_full() {
                self.tell_first(sink);
            }
        } else if let Some(family) = claim.family_of(role) {
            told::join(&mut self.locus, frame.resource, path, shown);
            sink(&told::field(self.form, frame.class, (family, &self.locus), value));
        }
    }

    /// The resource of the open object is of this type.
    fn set_resource(&mut self, name: &[u8], sink: Sink<'_>) {
        // Most are of the same type as the one before.
        let known = self.resource.filter(|(_, known)| known.as_bytes() == name);
        let Some((class, resource)) = known.or_else(|| fhir::resource(name)) else { return };
        self.resource = Some((class, resource));
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut().filter(|frame| !frame.is_list) else { return };
        frame.class = class;
        frame.resource = resource;
        frame.whose = Whose::of(class);
        frame.is_record = true;
        frame.record = frame.path;
        let frame = *frame;
        if self.waiting.is_until(depth) {
            self.tell_until(depth, &frame, sink);
        }
        let entry = depth.checked_sub(2).and_then(|at| self.frames.get_mut(at));
        if let Some(entry) = entry.filter(|_| frame.word.element == Element::Resource) {
            entry.fact = Some(Fact::Refers(class));
        }
    }

    fn note_fact(&mut self, role: Role, fact: Option<Fact>) {
        let Some(fact) = fact else { return };
        if matches!(role, Role::TypeCode | Role::TypeText) {
            let identifier =
                self.frames.iter_mut().rev().skip_while(|f| f.is_type).find(|f| !f.is_list);
            if let Some(frame) = identifier {
                frame.fact = frame.fact.or(Some(fact));
            }
        } else {
            self.note(|frame| frame.fact = frame.fact.or(Some(fact)));
        }
    }

    /// Notes something in the innermost open object.
    fn note(&mut self, note: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frames.iter_mut().rev().find(|frame| !frame.is_list) {
            note(frame);
        }
    }

    /// The depth of the innermost open object, from 1.
    fn object_depth(&self) -> usize {
        let lists = self.frames.iter().rev().take_while(|frame| frame.is_list).count();
        self.frames.len() - lists
    }

    fn tell_until(&mut self, depth: usize, frame: &Frame, sink: Sink<'_>) {
        while let Some(candidate) = self.waiting.take_until(depth) {
            self.tell(candidate, frame, sink);
        }
    }

    fn tell_first(&mut self, sink: Sink<'_>) {
        let Some(candidate) = self.waiting.take_first() else { return };
        let at = candidate.depth().saturating_sub(1);
        let frame = self.frames.get(at).copied().unwrap_or_default();
        self.tell(candidate, &frame, sink);
    }

    fn tell(&mut self, mut candidate: told::Candidate, frame: &Frame, sink: Sink<'_>) {
        candidate.learn(frame);
        if let Some(family) = candidate.family() {
            candidate.locus(&mut self.locus, frame.resource);
            let place = (family, self.locus.as_str());
            sink(&told::field(self.form, candidate.class(), place, candidate.value()));
        }
        self.waiting.spare(candidate);
    }
}

/// The part of a reference that is the logical id of a patient.
fn logical_id<'a>(role: Role, holder: Element, value: Value<'a>) -> Option<Value<'a>> {
    const URN: &[u8] = b"urn:uuid:";
    let at = match fhir::reference(value.text) {
        Some((Class::Person, at)) => at,
        Some(_) => return None,
        None if value.text.starts_with(URN) && (role == Role::FullUrl || is_person(holder)) => {
            URN.len()
        }
        None => return None,
    };
    let text = value.text.get(at..).filter(|text| !text.is_empty())?;
    let start = (value.span.end.saturating_sub(text.len() as u64)).max(value.span.start);
    Some(Value { span: Span { start, ..value.span }, text, ..value })
}
