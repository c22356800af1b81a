//! Recognises container images and references to them: other pipelines hand those over, and this deployer deploys zips.
//!
//! A reference is what CodePipeline and CodeBuild write (AWS CodePipeline User Guide, "Image definitions file reference"):
//! `imagedefinitions.json`, `imageDetail.json`, or an image's URI alone.

use serde_json::Value;

/// The advice for somebody who hands over a container image. Lambda never changes a function's package type (AWS Lambda
/// Developer Guide, "Deploying Lambda functions as .zip file archives").
pub(crate) const INSTEAD: &str = "the deployer deploys zips, not container images: zip the function's code and upload that, or deploy the \
     image with aws lambda update-function-code --image-uri";

/// The files that refer to an image, in lower case.
const REFERENCES: [&str; 2] = ["imagedefinitions.json", "imagedetail.json"];
/// The endings of files that may stand beside a reference and are no code, in lower case.
const NO_CODE: [&str; 8] = [".json", ".yaml", ".yml", ".toml", ".md", ".txt", "dockerfile", ".dockerignore"];
/// The most bytes of a reference.
const LONGEST: usize = 65_536;

/// Whether an object that is no zip refers to a container image.
pub(super) fn is_reference(bytes: &[u8]) -> bool {
    let Some(text) = str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST) else { return false };
    let text = text.trim_start_matches('\u{feff}').trim();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::String(text)) => is_uri(&text),
        Ok(value) => names_image(&value),
        Err(_) => is_uri(text),
    }
}

/// Whether a file of this name refers to a container image.
pub(crate) fn is_named_as_reference(file: &str) -> bool {
    REFERENCES.contains(&file.to_ascii_lowercase().as_str())
}

/// Returns the file that shows that a zip has a container image or a reference to one in place of code.
pub(super) fn in_place_of_code<'a>(files: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let has = |name: &str| files.clone().any(|file| file == name);
    let has_layers = || files.clone().any(|file| file.ends_with("/layer.tar") || file.starts_with("blobs/sha256/"));
    let image = files.clone().find(|file| *file == "oci-layout" || *file == "manifest.json");
    if let Some(image) = image.filter(|_| !has("bootstrap") && has_layers()) {
        return Some(image);
    }
    let is_code = |file: &str| {
        let file = file.to_ascii_lowercase();
        !NO_CODE.iter().any(|ending| file.ends_with(ending))
    };
    let reference = files.clone().find(|file| is_named_as_reference(file))?;
    (!files.clone().any(is_code)).then_some(reference)
}

/// Whether a JSON value names an image in any spelling of `imageUri`, or says that its package type is one.
fn names_image(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            (is("imageuri") && value.is_string()) || (is("packagetype") && *value == "Image") || names_image(value)
        }),
        Value::Array(items) => items.iter().any(names_image),
        _ => false,
    }
}

/// Whether a text is the URI of an image: in ECR, or by its digest.
fn is_uri(text: &str) -> bool {
    let is_one_word = !text.is_empty() && text.len() <= 2048 && !text.contains(char::is_whitespace);
    is_one_word && (text.contains(".dkr.ecr.") || text.contains("@sha256:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_images_are_recognized_in_each_form() {
        for reference in [
            r#"[{"name": "orders", "imageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1"}]"#,
            r#"{"ImageSizeInBytes": "1", "ImageURI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1"}"#,
            r#"{"PackageType": "Image", "Code": {}}"#,
            "{\"package_type\": \"Image\"}\n",
            "\u{feff}{\"function\": {\"image_uri\": \"orders:1\"}}",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1\n",
            "\"public.ecr.aws/acme/orders@sha256:00\"",
        ] {
            assert!(is_reference(reference.as_bytes()), "{reference}");
        }
        for other in ["", "{}", "[1]", "hello .dkr.ecr. world", r#"{"imageUri": null}"#, r#"{"PackageType": "Zip"}"#] {
            assert!(!is_reference(other.as_bytes()), "{other}");
        }
        assert!(!is_reference(b"\xff.dkr.ecr.") && !is_reference(&[b" "[0]; LONGEST + 1]));
    }

    #[test]
    fn zip_is_an_image_only_if_it_has_no_code() {
        let found = |files: &[&'static str]| in_place_of_code(files.iter().copied());
        assert_eq!(found(&["imagedefinitions.json"]), Some("imagedefinitions.json"));
        assert_eq!(found(&["Dockerfile", "function.toml", "imageDetail.json"]), Some("imageDetail.json"));
        assert_eq!(found(&["blobs/sha256/00", "index.json", "oci-layout"]), Some("oci-layout"));
        assert_eq!(found(&["00/layer.tar", "manifest.json", "repositories"]), Some("manifest.json"));
        for code in [
            &["imagedefinitions.json", "index.js"][..],
            &["imagedefinitions.json", "bootstrap"],
            &["lib/imagedefinitions.json", "data.json"],
            &["manifest.json", "index.html"],
            &["bootstrap", "manifest.json", "blobs/sha256/00"],
            &["data.json"],
        ] {
            assert_eq!(found(code), None, "{code:?}");
        }
    }
}
