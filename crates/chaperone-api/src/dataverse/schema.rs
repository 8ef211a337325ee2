//! The tables that the Web API has, with their properties: one list, from which selecting, filtering, ordering,
//! `$metadata` and `EntityDefinitions` are made.

/// The type of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Guid,
    Number,
    Text,
    Flag,
    Instant,
}

impl Kind {
    /// The name in OData.
    pub(crate) const fn edm(self) -> &'static str {
        match self {
            Self::Guid => "Edm.Guid",
            Self::Number => "Edm.Int32",
            Self::Text => "Edm.String",
            Self::Flag => "Edm.Boolean",
            Self::Instant => "Edm.DateTimeOffset",
        }
    }
}

/// A property.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name, one row's.
    pub(crate) logical_name: &'static str,
    /// The name of the set of its rows.
    pub(crate) set: &'static str,
    /// The property that is its key.
    pub(crate) key: &'static str,
    pub(crate) properties: &'static [Property],
}

impl Table {
    /// The property of that name.
    pub(crate) fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }
}

macro_rules! properties {
    ($($name:literal: $kind:ident),* $(,)?) => { &[$(Property { name: $name, kind: Kind::$kind }),*] };
}

/// Rows of the trail that have one of the source's action codes.
pub(crate) static AUDIT: Table = Table {
    logical_name: "audit",
    set: "audits",
    key: "auditid",
    properties: properties! {
        "auditid": Guid,
        "action": Number,
        "operation": Number,
        "createdon": Instant,
        "objecttypecode": Text,
        "_objectid_value": Guid,
        "_userid_value": Guid,
        "_callinguserid_value": Guid,
        "_regardingobjectid_value": Guid,
        "attributemask": Text,
        "useradditionalinfo": Text,
        "transactionid": Guid,
    },
};

/// Users.
pub(crate) static SYSTEM_USER: Table = Table {
    logical_name: "systemuser",
    set: "systemusers",
    key: "systemuserid",
    properties: properties! {
        "systemuserid": Guid,
        "fullname": Text,
        "domainname": Text,
        "internalemailaddress": Text,
        "isdisabled": Flag,
        "createdon": Instant,
    },
};

/// The organization's one row.
pub(crate) static ORGANIZATION: Table = Table {
    logical_name: "organization",
    set: "organizations",
    key: "organizationid",
    properties: properties! {
        "organizationid": Guid,
        "name": Text,
        "isauditenabled": Flag,
        "isuseraccessauditenabled": Flag,
        "useraccessauditinginterval": Number,
        "isreadauditenabled": Flag,
        "auditretentionperiodv2": Number,
        "auditsettings": Text,
    },
};

/// The tables' own table: what may be asked of a definition. `IsAuditEnabled` is an object whose value is asked for.
pub(crate) static ENTITY_DEFINITION: Table = Table {
    logical_name: "EntityMetadata",
    set: "EntityDefinitions",
    key: "MetadataId",
    properties: properties! {
        "MetadataId": Guid,
        "LogicalName": Text,
        "SchemaName": Text,
        "EntitySetName": Text,
        "LogicalCollectionName": Text,
        "PrimaryIdAttribute": Text,
        "PrimaryNameAttribute": Text,
        "IsPrivate": Flag,
        "IsCustomEntity": Flag,
        "IsAuditEnabled/Value": Flag,
        "IsAuditEnabled/CanBeChanged": Flag,
    },
};

/// The tables that have rows here.
pub(crate) static TABLES: [&Table; 3] = [&AUDIT, &ORGANIZATION, &SYSTEM_USER];
