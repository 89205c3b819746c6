//! `content`: profiles and their rules.

use std::sync::Arc;

use dlp::redact::Style;
use dlp::{Catalog, Confidence, Identifier};
use serde_saphyr::Spanned;

use super::Faults;
use super::materials::Materials;
use super::read;
use crate::content::{ContentProfile, ContentRule, Gap, HOLD_MAX_DEFAULT, Inspect};
use crate::file::{ContentFile, ContentRuleFile, PolicyFile, Text, WhenFile};
use crate::suggest::did_you_mean;
use crate::verdict::Action;

/// The word for all Safe Harbor classes.
const ANY: &str = "any";

/// All profiles of the folder; None at the place of one with errors.
pub(super) fn compile(
    files: &[(Arc<str>, PolicyFile)],
    materials: Option<&dyn Materials>,
    faults: &mut Faults,
) -> Vec<Option<Arc<ContentProfile>>> {
    let catalog = Catalog::builtin();
    let mut profiles = Vec::new();
    for (name, file) in files {
        faults.enter(name);
        for entry in &file.content {
            profiles.push(profile(faults, entry, &catalog, materials).map(Arc::new));
        }
    }
    profiles
}

/// The profile of an exemption: the body is not read, the head is judged by the defaults.
pub(super) fn exemption(because: &str) -> ContentProfile {
    ContentProfile {
        name: Arc::from(super::names::EXEMPT),
        exempt: Some(Box::from(because)),
        inspect: Inspect::Stream,
        hold_max: HOLD_MAX_DEFAULT,
        unreadable: Gap::Block,
        unidentified: Gap::Block,
        rules: Vec::new(),
        contract: None,
        style: Style::Mask,
        is_furnished: true,
        catalog: Catalog::builtin(),
    }
}

fn profile(
    faults: &mut Faults,
    entry: &Spanned<ContentFile>,
    builtin: &Arc<Catalog>,
    materials: Option<&dyn Materials>,
) -> Option<ContentProfile> {
    let file = &entry.value;
    let modes = [("hold", Inspect::Hold), ("stream", Inspect::Stream)];
    let inspect = match &file.inspect {
        Some(text) => read::word(faults, text, "inspect mode", &modes),
        None => Some(Inspect::Hold),
    };
    let hold_max = match &file.hold_max {
        Some(text) => read::size(faults, text, "holdMax"),
        None => Some(HOLD_MAX_DEFAULT),
    };
    let (unreadable, unidentified) = gaps(faults, file);
    let contract = super::contract::compile(faults, file);
    let own = super::detectors::compile(faults, file, builtin);
    let (catalog, style) = super::materials::compile(faults, file, (own, materials));
    let mut rules = Vec::with_capacity(file.rules.len());
    for (place, rule_entry) in file.rules.iter().enumerate() {
        let label = Arc::from(format!("content/{}#{}", file.name.value, place + 1));
        rules.extend(rule(faults, rule_entry, label, inspect));
    }
    Some(ContentProfile {
        name: Arc::from(file.name.value.as_str()),
        exempt: None,
        inspect: inspect?,
        hold_max: hold_max?,
        unreadable: unreadable?,
        unidentified: unidentified?,
        rules,
        contract,
        style: style?,
        is_furnished: materials.is_some() || !super::materials::has_files(file),
        catalog,
    })
}

fn gaps(faults: &mut Faults, file: &ContentFile) -> (Option<Gap>, Option<Gap>) {
    let quarantine = file.unreadable.as_ref().filter(|text| text.value == "quarantine");
    let unreadable = match (&file.unreadable, quarantine) {
        (Some(_), Some(text)) => {
            warn_quarantine(faults, text);
            Some(Gap::Block)
        }
        (Some(text), None) => {
            // `quarantine` stands in the table for its hint alone.
            let table = [("block", Gap::Block), ("quarantine", Gap::Block), ("allow", Gap::Allow)];
            read::word(faults, text, "setting for unreadable content", &table)
        }
        (None, _) => Some(Gap::Block),
    };
    let unidentified = match &file.unidentified {
        Some(text) => {
            let table = [("block", Gap::Block), ("allow", Gap::Allow)];
            read::word(faults, text, "setting for unidentified content", &table)
        }
        None => Some(Gap::Block),
    };
    let allowed = [(&file.unreadable, unreadable), (&file.unidentified, unidentified)];
    let allowed = allowed.into_iter().find_map(|(text, gap)| match gap {
        Some(Gap::Allow) => text.as_ref(),
        Some(Gap::Block) | None => None,
    });
    match (allowed, &file.because) {
        (Some(text), None) => {
            let what = "content that is not read may leave, without a reason";
            faults.error(text.referenced, what, "add `because: ...` to the profile");
        }
        (Some(_), Some(because)) => {
            read::reason(faults, because, "`because`");
        }
        (None, Some(because)) => {
            let what =
                "`because` here gives the reason for `unreadable: allow` or `unidentified: allow`";
            faults.error(because.referenced, what, "leave it out");
        }
        (None, None) => {}
    }
    (unreadable, unidentified)
}

fn warn_quarantine(faults: &mut Faults, text: &Text) {
    let what = "`quarantine` blocks and keeps nothing in this version";
    faults.warn(text.referenced, what, "say `block` if that is what is meant");
}

fn rule(
    faults: &mut Faults,
    entry: &Spanned<ContentRuleFile>,
    label: Arc<str>,
    inspect: Option<Inspect>,
) -> Option<ContentRule> {
    let file = &entry.value;
    let when = &file.when.value;
    let identifiers = identifiers(faults, when);
    let levels: Vec<(&str, Confidence)> =
        Confidence::ALL.iter().map(|level| (level.name(), *level)).collect();
    let confidence = match &when.confidence {
        Some(text) => read::word(faults, text, "confidence", &levels),
        None => Some(Confidence::Low),
    };
    let actions = [Action::Allow, Action::Redact, Action::Quarantine, Action::Block];
    let actions = actions.map(|action| (action.name(), action));
    let action = read::word(faults, &file.action, "action", &actions);
    if action == Some(Action::Quarantine) {
        warn_quarantine(faults, &file.action);
    }
    let count = count(faults, when, action, inspect);
    Some(ContentRule {
        label,
        identifiers,
        confidence: confidence?,
        count: count?,
        action: action?,
    })
}

fn count(
    faults: &mut Faults,
    when: &WhenFile,
    action: Option<Action>,
    inspect: Option<Inspect>,
) -> Option<u64> {
    let Some(written) = &when.count else { return Some(1) };
    let at = written.referenced;
    let Some(count) = u64::try_from(written.value).ok().filter(|count| *count > 0) else {
        faults.error(at, &format!("{} is no count", written.value), "write a number above 0");
        return None;
    };
    if count > 1 {
        let fewer = count - 1;
        match (action?, inspect?) {
            (Action::Allow, _) => {
                let what = "a count on an allow rule can never take effect: fewer findings are allowed, too";
                faults.error(at, what, "leave `count` out");
            }
            (Action::Redact, Inspect::Stream) => {
                let what = "redact with a count cannot be honoured in stream: the first findings have left";
                faults.error(at, what, "leave `count` out, or say `inspect: hold`");
            }
            (Action::Redact | Action::Quarantine | Action::Block, _) => {
                let what = format!("up to {fewer} such findings in an exchange are tolerated");
                let fix = "leave `count` out unless that is meant";
                faults.warn(at, &what, fix);
            }
        }
    }
    Some(count)
}

fn identifiers(faults: &mut Faults, when: &WhenFile) -> Vec<Identifier> {
    let fix = "name the classes, or `any` for all of Safe Harbor";
    let texts = read::list(faults, &when.identifiers, "identifiers", fix);
    read::distinct(faults, texts, "identifiers");
    let mut identifiers: Vec<Identifier> = Vec::new();
    for text in texts {
        if text.value == ANY {
            identifiers.extend(Identifier::ALL.iter().filter(|class| class.is_safe_harbor()));
            continue;
        }
        let Some(class) = Identifier::parse(&text.value) else {
            let names =
                || std::iter::once(ANY).chain(Identifier::ALL.iter().map(|class| class.name()));
            let known: Vec<&str> = names().collect();
            let fix = format!(
                "the classes are {}{}",
                known.join(", "),
                did_you_mean(&text.value, names())
            );
            faults.error(
                text.referenced,
                &format!("`{}` is no identifier class", text.value),
                &fix,
            );
            continue;
        };
        identifiers.push(class);
    }
    identifiers.sort_unstable();
    identifiers.dedup();
    identifiers
}
