// Names and types follow S/4HANA's public API, only fewer of them.
namespace s4;

entity BusinessPartner {
  key BusinessPartner       : String(10);
  BusinessPartnerCategory   : String(1);
  BusinessPartnerFullName   : String(81);
  BusinessPartnerGrouping   : String(4);
  OrganizationBPName1       : String(40);
  SearchTerm1               : String(20);
  Supplier                  : String(10);
  Customer                  : String(10);
  BusinessPartnerIsBlocked  : Boolean default false;
  CreationDate              : Date;
  @odata.etag
  LastChangeDate            : Timestamp @cds.on.insert: $now @cds.on.update: $now;
  to_BusinessPartnerAddress : Composition of many BusinessPartnerAddress
                                on to_BusinessPartnerAddress.BusinessPartner = BusinessPartner;
  to_BusinessPartnerTax     : Composition of many BusinessPartnerTax
                                on to_BusinessPartnerTax.BusinessPartner = BusinessPartner;
}

entity BusinessPartnerAddress {
  key BusinessPartner : String(10);
  key AddressID       : String(10);
  Country             : String(3);
  CityName            : String(40);
  PostalCode          : String(10);
  StreetName          : String(60);
}

entity BusinessPartnerTax {
  key BusinessPartner : String(10);
  key BPTaxType       : String(4);
  BPTaxNumber         : String(20);
}

entity CostCenter {
  key ControllingArea         : String(4);
  key CostCenter              : String(10);
  key ValidityEndDate         : Date;
  ValidityStartDate           : Date;
  CompanyCode                 : String(4);
  CostCenterName              : String(20);
  CostCtrResponsiblePersonName : String(20);
  ProfitCenter                : String(10);
  @odata.etag
  LastChange                  : Timestamp @cds.on.insert: $now @cds.on.update: $now;
}

entity Product {
  key Product        : String(40);
  ProductType        : String(4);
  ProductGroup       : String(9);
  BaseUnit           : String(3);
  GrossWeight        : Decimal(13, 3);
  WeightUnit         : String(3);
  IsMarkedForDeletion : Boolean default false;
  CreationDate       : Date;
  @odata.etag
  LastChangeDateTime : Timestamp @cds.on.insert: $now @cds.on.update: $now;
  to_Description     : Composition of many ProductDescription on to_Description.Product = Product;
}

entity ProductDescription {
  key Product        : String(40);
  key Language       : String(2);
  ProductDescription : String(40);
}
