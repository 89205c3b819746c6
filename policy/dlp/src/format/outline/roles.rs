//! What a value is to the object in which it stands, by its key and the object's own.

use super::Frame;
use super::claim::{Role, Whose};
use super::words::{Element, Word};
use crate::format::fhir::Class;

/// What a value under `word` is to the object or list `frame`, whose element is `holder`.
pub(super) fn role(frame: &Frame, holder: Element, word: Word) -> Option<Role> {
    let label = || word.family.map(Role::Label);
    match word.element {
        Element::Other if word.joins => frame.word.family.map(Role::Label),
        Element::Other | Element::Person | Element::Caregiver | Element::Organization => label(),
        Element::ResourceType => (!frame.is_list).then_some(Role::ResourceType),
        Element::System => is_in(holder, &[Element::Identifier, Element::Telecom], Role::System),
        Element::Code => frame.is_type.then_some(Role::TypeCode),
        Element::Text if frame.is_type => Some(Role::TypeText),
        Element::Text if holder == Element::Name => Some(Role::Name),
        Element::Text if holder == Element::Address => Some(Role::Street),
        Element::Value => value_role(frame, holder),
        Element::Name => Some(Role::Name),
        Element::NamePart if holder == Element::Name => Some(Role::NamePart),
        Element::City => Some(Role::City),
        Element::Zip => Some(Role::Zip),
        Element::Street if holder == Element::Address => Some(Role::Street),
        Element::Address => Some(Role::Street),
        Element::Birth => Some(Role::Birth),
        Element::Death => Some(Role::Death),
        Element::Bound => (matches!(holder, Element::Period | Element::Moment) && !frame.is_minor)
            .then_some(Role::Moment),
        Element::Moment => (!frame.is_minor).then_some(Role::Moment),
        Element::Id | Element::Identifier if frame.is_record || is_person(holder) => {
            Some(Role::LogicalId)
        }
        Element::Serial => Some(Role::Serial),
        Element::Subscriber => Some(Role::Member),
        Element::Reference => (frame.class != Class::Unknown).then_some(Role::Reference),
        Element::Display => (holder != Element::Coding).then_some(Role::Display),
        Element::FullUrl => Some(Role::FullUrl),
        Element::Url if holder == Element::Extension => Some(Role::ExtensionUrl),
        Element::Url => (frame.class != Class::Unknown).then_some(Role::Reference),
        Element::ValueText => (holder == Element::Extension).then_some(Role::ExtensionValue),
        Element::Data => is_in(holder, &[Element::Photo], Role::Photo),
        Element::Photo => Some(Role::Photo),
        Element::Label => label().or(Some(Role::PairName)),
        Element::Root => (holder == Element::Id).then_some(Role::Root),
        Element::Extension => (holder == Element::Id).then_some(Role::Identifier),
        Element::Coding
        | Element::Id
        | Element::Identifier
        | Element::Kind
        | Element::NamePart
        | Element::Period
        | Element::Resource
        | Element::Street
        | Element::Subject
        | Element::Telecom
        | Element::Text => label(),
    }
}

fn value_role(frame: &Frame, holder: Element) -> Option<Role> {
    if holder == Element::Identifier {
        Some(Role::Identifier)
    } else if holder == Element::Telecom {
        Some(Role::Telecom)
    } else if holder == Element::Name {
        Some(Role::Name)
    } else {
        frame.word.family.map(Role::Label).or(Some(Role::PairValue))
    }
}

fn is_in(holder: Element, holders: &[Element], role: Role) -> Option<Role> {
    holders.contains(&holder).then_some(role)
}

pub(super) fn is_person(holder: Element) -> bool {
    matches!(holder, Element::Person | Element::Subject)
}

/// Whether what opens is the type of an identifier, or a code in it.
pub(super) fn is_type(above: &Frame, outer: Element, word: Word) -> bool {
    word.element == Element::Kind && outer == Element::Identifier
        || word.element == Element::Coding && above.is_type
}

/// Whether a period in such an object is that of a name, an address or a number.
pub(super) fn is_minor(outer: Element) -> bool {
    matches!(outer, Element::Identifier | Element::Name | Element::Address | Element::Telecom)
}

/// Whose part of a record an object is, in a resource of this class.
pub(super) fn whose(frame: &Frame, class: Class) -> Whose {
    let element = frame.word.element;
    if element == Element::Person || element == Element::Subject && class != Class::Unknown {
        Whose::Person
    } else if element == Element::Caregiver {
        Whose::Provider
    } else if element == Element::Organization {
        Whose::Nobody
    } else {
        frame.whose
    }
}
