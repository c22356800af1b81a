//! The options that select the region and the profile, under the names of the AWS CLI.

use aws_config::SdkConfig;

use super::sdk_config;
use crate::answer::CliError;

/// The region and the profile.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct AwsOptions {
    /// The AWS region of the deployer [default: as the AWS CLI finds it].
    #[arg(long, value_name = "REGION", global = true)]
    region: Option<String>,
    /// The profile of the AWS configuration files to use.
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
}

impl AwsOptions {
    /// Returns the options that were given, each with a space before it.
    pub fn repeated(&self) -> String {
        let given = [("--region", &self.region), ("--profile", &self.profile)];
        let given =
            given.into_iter().filter_map(|(name, value)| Some(format!(" {name} {}", shell_word(value.as_ref()?))));
        given.collect()
    }

    /// Returns the region that the user names.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Loads the AWS configuration for these options.
    ///
    /// # Errors
    /// Wrong use, naming the profile or the setting.
    pub async fn sdk(&self) -> Result<SdkConfig, CliError> {
        sdk_config::load(self.profile.as_deref(), self.region.as_deref()).await
    }
}

/// Quotes a word for a shell, if it needs that.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn shell_words_are_quoted_where_a_shell_would_split_them() {
        for (word, quoted) in [("acme-1", "acme-1"), ("two words", "'two words'"), ("it's", r"'it'\''s'"), ("", "''")] {
            assert_eq!(shell_word(word), quoted);
        }
    }
}
