//! X12.

use super::{is_chunk_invariant, masked, tells, told, whole};

const ISA: &str = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *260402*1015*^*00501*000000417*0*P*:~";

pub(super) const CLAIM: &str = concat!(
    "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *260402*1015*^*00501*000000417*0*P*:~\n",
    "GS*HC*CLINIC*PAYER*20260402*1015*1*X*005010X222A1~\n",
    "ST*837*0001*005010X222A1~\nBHT*0019*00*0123*20260402*1015*CH~\n",
    "NM1*41*2*RIVER CLINIC*****46*999999999~\nPER*IC*FRONT DESK*TE*2175550100~\n",
    "NM1*40*2*ACME HEALTH*****46*111222333~\nHL*1**20*1~\n",
    "NM1*85*1*HALE*ANN****XX*1679576722~\nN3*1 CLINIC WAY~\nN4*PEORIA*IL*61602~\nREF*EI*371445566~\n",
    "HL*2*1*22*1~\nSBR*P**GRP5520******CI~\n",
    "NM1*IL*1*ROE*JOHN*T**JR*MI*XK4471~\nN3*12 ELM ST*APT 4~\nN4*SPRINGFIELD*IL*62704~\n",
    "DMG*D8*19540117*M~\nREF*SY*219456183~\nPER*IC**TE*2175550143*EM*john.roe@stlukes-clinic.org~\n",
    "NM1*PR*2*ACME HEALTH*****PI*11122333~\nHL*3*2*23*0~\nPAT*19****D8*20260301~\n",
    "NM1*QC*1*ROE*JANE~\nN3*12 ELM ST~\nN4*SPRINGFIELD*IL*627041234~\nDMG*D8*19840423*F~\n",
    "CLM*A37YH556*500***11:B:1*Y*A*Y*I*P~\nDTP*435*D8*20260315~\nREF*EA*4481723~\nREF*G1*AUTH7712~\n",
    "HI*BK:8901*BH:11:D8:20260301~\nNM1*82*1*VANCE*LEE****XX*1245319599~\n",
    "LX*1~\nSV1*HC:99211:25*12.25*UN*1*11**1**Y~\nDTP*472*RD8*20260315-20260316~\n",
    "SE*30*0001~\nGE*1*1~\nIEA*1*000000417~\n",
);

#[test]
fn every_place_is_told_by_its_name() {
    tells(
        CLAIM,
        &[
            ("NM103", "provider", "HALE*ANN"),
            ("NM109", "provider", "1679576722"),
            ("SBR03", "health-plan", "GRP5520"),
            ("NM103", "name", "ROE*JOHN*T"),
            ("NM109", "health-plan", "XK4471"),
            ("N301", "geographic", "12 ELM ST"),
            ("N302", "geographic", "APT 4"),
            ("N401", "geographic", "SPRINGFIELD"),
            ("N403", "geographic", "62704"),
            ("DMG02", "date", "19540117"),
            ("REF02", "ssn", "219456183"),
            ("PER04", "phone", "2175550143"),
            ("PER06", "email", "john.roe@stlukes-clinic.org"),
            ("PAT06", "date", "20260301"),
            ("NM103", "name", "ROE*JANE"),
            ("N301", "geographic", "12 ELM ST"),
            ("N401", "geographic", "SPRINGFIELD"),
            ("N403", "geographic", "627041234"),
            ("DMG02", "date", "19840423"),
            ("CLM01", "account", "A37YH556"),
            ("DTP03", "date", "20260315"),
            ("REF02", "mrn", "4481723"),
            ("REF02", "other-id", "AUTH7712"),
            ("HI", "date", "20260301"),
            ("NM103", "provider", "VANCE*LEE"),
            ("NM109", "provider", "1245319599"),
            ("DTP03", "date", "20260315-20260316"),
        ],
    );
}

#[test]
fn other_transactions_have_places_too() {
    for (segments, wanted) in [
        // 835: the payment of a claim.
        (
            "N1*PE*RIVER CLINIC*XX*1679576722~CLP*A37YH556*1*500*400**12*8812077001~NM1*QC*1*ROE*JANE****34*219456183~DTM*232*20260315~",
            vec![
                ("N104", "provider"),
                ("CLP07", "other-id"),
                ("CLP01", "account"),
                ("NM103", "name"),
                ("NM109", "ssn"),
                ("DTM02", "date"),
            ],
        ),
        // 834: the enrollment of a member.
        (
            "N1*P5*ACME CORP*FI*123456780~INS*Y*18*021*20*A***FT**N*D8*20260301~REF*0F*M000017~NM1*74*1*ROE*JANE*M***34*219456183~NM1*36*2*BIG EMPLOYER~",
            vec![
                ("INS12", "date"),
                ("REF02", "health-plan"),
                ("NM103", "name"),
                ("NM109", "ssn"),
                ("NM103", "name"),
            ],
        ),
        // 277: the state of a claim.
        (
            "NM1*QC*1*ROE*JANE****MI*XK4471~TRN*2*A37YH556~REF*EJ*A37YH556~REF*1K*8812077001~",
            vec![
                ("NM103", "name"),
                ("NM109", "health-plan"),
                ("TRN02", "other-id"),
                ("REF02", "account"),
                ("REF02", "account"),
            ],
        ),
    ] {
        let found = told(&format!("{ISA}{segments}"));
        let mut found: Vec<_> = found.iter().map(|(l, c, _)| (l.as_str(), *c)).collect();
        let mut wanted = wanted;
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{segments}");
    }
}

#[test]
fn organizations_codes_and_masks_are_not_told() {
    for segments in [
        "NM1*85*2*RIVER CLINIC*****FI*371445566~N3*1 CLINIC WAY~N4*PEORIA*IL*61602~PER*IC*DESK*TE*2175550100~",
        "NM1*PR*2*ACME HEALTH*****PI*11122333~N3*PO BOX 7~N4*AKRON*OH*44308~",
        "NM1*IL*1******MI*~DMG*D8*00000000*F~REF*SY*000000000~",
        "NM1*IL*1*XXX*XXXX****MI*XXXXXX~DMG*D8*XXXXXXXX*F~",
        "HI*BK:8901*BF:87200~SV1*HC:99211:25*12.25*UN*1*11**1**Y~AMT*YU*125.0~QTY*90*1~",
        "DTM*405*20260402~SE*23*000014420~LUI*LE*ENG**7~N1*PR*ACME HEALTH*XV*1234567890~",
    ] {
        tells(&format!("{ISA}{segments}"), &[]);
    }
    for text in ["ISA lives here, name: ROE", "ISA*", "ST*R*ELLA", "GS*ROE*JANE", "STRING*837*"] {
        tells(text, &[]);
    }
}

#[test]
fn separators_are_those_of_each_interchange() {
    let other = ISA.replace(['~', '\n'], "!").replace('*', "|").replace(":!", ">_");
    let text = format!("{ISA}NM1*IL*1*ROE*JANE~{other}NM1|IL|1|DOE|ANN_HI|BH>11>D8>20260301_");
    let wanted =
        [("NM103", "name", "ROE*JANE"), ("NM103", "name", "DOE|ANN"), ("HI", "date", "20260301")];
    tells(&text, &wanted);
    // Separators swapped, and a segment that ends with its line.
    let swapped = ISA.replace('~', "\n").replace('*', "~");
    tells(&format!("{swapped}NM1~IL~1~ROE~JANE\n"), &[("NM103", "name", "ROE~JANE")]);
}

#[test]
fn an_interchange_that_lost_its_header_or_its_padding_is_read() {
    for head in [
        "GS*HC*CLINIC*PAYER*20260402*1015*1*X*005010X222A1~",
        "ST*837*0001*005010X222A1~",
        "ISA*00* *00**ZZ*CLINIC*ZZ*PAYER*260402*1015*^*00501*417*0*P*:~",
    ] {
        let text = format!("{head}NM1*IL*1*ROE*JANE~DMG*D8*19840423~");
        tells(&text, &[("NM103", "name", "ROE*JANE"), ("DMG02", "date", "19840423")]);
    }
}

#[test]
fn a_segment_without_end_does_not_hide_the_next() {
    let text = format!("{ISA}MSG*{}~NM1*IL*1*ROE*JANE~", "A".repeat(100_000));
    tells(&text, &[("NM103", "name", "ROE*JANE")]);
}

#[test]
fn any_split_tells_the_same() {
    is_chunk_invariant(CLAIM);
}

#[test]
fn a_masked_interchange_is_an_interchange() {
    let text = CLAIM
        .replace("LX*1~", "NTE*ADD*MAIL jane.roe@stlukes-clinic.org OR CALL 217-555-0143~\nLX*1~");
    let masked = masked(&text);
    let shape = |text: &str| -> Vec<usize> {
        text.split('~').map(|segment| segment.matches(['*', ':']).count()).collect()
    };
    assert_eq!(shape(&masked), shape(&text));
    assert!(masked.contains("NM1*IL*1*XXX*XXXX*X**JR*MI*XXXXXX~"), "{masked}");
    assert!(masked.contains("MAIL XXXX.XXX@XXXXXXX-XXXXXX.XXX OR"), "{masked}");
    assert_eq!(masked.len(), text.len());
    assert!(whole(masked.as_bytes()).findings.is_empty());
}
